"""Each fault of a provider, with the end that the design gives it; whatever happens, nothing is sent twice."""

from typing import Any

import pytest

from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor, bring, row, ruler
from tests.integration.house.seeing import eventually

# What Twilio refuses at once, by class: whether the channel is suppressed afterwards, and which case is opened.
REFUSALS: list[tuple[int, str | None, list[str]]] = [
    (21610, "opt_out", []),
    (21614, "bad_address", []),
    (63033, "recipient_limit", []),
    (30007, None, ["configuration"]),
    (21606, None, ["configuration"]),
    (30003, None, []),
    (99999, None, []),
]
# Ways to lose an answer: the provider keeps the message, or keeps nothing.
KEPT: list[dict[str, Any]] = [
    {"kind": "accept_then_error"},
    {"kind": "drop_response"},
    {"kind": "delay", "seconds": 2},
]
LOST: list[dict[str, Any]] = [{"kind": "refuse"}, {"kind": "error", "status": 503}]
BUSY: list[dict[str, Any]] = [
    {"kind": "reject", "code": 14107},
    {"kind": "reject", "status": 429, "code": 20429},
    {"kind": "throttle", "seconds": 0.2},
]


async def _due(
    house: House, *channels: str, fault: dict[str, Any] | None = None, habits: dict[str, Any] | None = None
) -> Debtor:
    """An invoice due now, whose customer's first address runs into a fault, or has a habit."""
    given = row()
    address = given.email if channels[0] == "email" else given.phone
    if habits:
        await house.habit(address, **habits)
    if fault:
        await house.fault(address=address, **fault)
    return await bring(house.ledger, ruler(*channels), given)


SILENT = {"email": "silent", "sms": "silent"}


async def test_what_twilio_refuses_for_good_goes_by_the_next_channel(house: House) -> None:
    debtors = [await _due(house, "sms", "email", habits={"sms": f"reject:{code}"}) for code, *_ in REFUSALS]
    for debtor, (_, suppressed, cases) in zip(debtors, REFUSALS, strict=True):
        await house.until_accepted(debtor, 1)
        assert await house.accepted(debtor) == ["email"]
        assert (await house.suppressed(debtor)).get("sms") == suppressed
        assert await house.cases(debtor) == cases
    await house.assert_sound()


async def test_a_provider_that_is_too_busy_is_asked_again_and_no_other_channel(house: House) -> None:
    for debtor in [await _due(house, "sms", "email", fault=fault) for fault in BUSY]:
        await house.until_accepted(debtor, 1)
        assert await house.accepted(debtor) == ["sms"]
        assert "message_refused" in await house.story(debtor)
    await house.assert_sound()


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_an_account_that_is_closed_halts_the_channel_by_itself(house: House, channel: str) -> None:
    fault = {"kind": "reject", "status": 401, "code": 20003, "count": None}
    debtor = await _due(house, channel, fault=fault)

    async def halted() -> bool:
        return "provider_account" in await house.cases(debtor)

    await eventually(halted, "the halt")
    other = await _due(house, channel)
    await house.until_told(other, "step_deferred")
    assert await house.accepted(debtor) + await house.accepted(other) == []
    item = (await house.ledger.directive(debtor.id)).item
    assert item is not None
    assert item.at > house.now()


async def test_a_lost_answer_is_found_by_its_receipt(house: House) -> None:
    for channel in ("sms", "email"):
        for debtor in [await _due(house, channel, fault=fault) for fault in KEPT]:
            await house.until_delivered(debtor, "due-today", channel, "delivered")
            await house.until_settled(debtor)
            assert await house.accepted(debtor) == [channel]
            assert await house.cases(debtor) == []
    await house.assert_sound()


async def test_a_lost_sms_without_receipt_is_found_in_the_providers_list(house: House) -> None:
    for debtor in [await _due(house, "sms", "email", fault=fault, habits=SILENT) for fault in KEPT]:
        await house.until_told(debtor, "message_unknown")
        await house.skip_to_next(debtor)
        await house.until_accepted(debtor, 1)
        assert await house.accepted(debtor) == ["sms"]
    await house.assert_sound()


async def test_an_sms_that_never_arrived_is_sent_again_after_two_empty_readings(house: House) -> None:
    for debtor in [await _due(house, "sms", "email", fault=fault, habits=SILENT) for fault in LOST]:
        await house.until_told(debtor, "message_unknown")
        assert await house.accepted(debtor) == []
        await house.skip_to_next(debtor)
        await house.until_told(debtor, "message_not_found")
        assert await house.accepted(debtor) == []
        await house.skip_to_next(debtor)
        await house.until_accepted(debtor, 1)
        assert await house.accepted(debtor) == ["sms"]
    await house.assert_sound()


async def test_an_sms_that_is_lost_twice_ends_as_a_case(house: House) -> None:
    debtor = await _due(house, "sms", "email", fault={"kind": "refuse", "count": 2}, habits=SILENT)
    for readings in (1, 2, 3):
        await house.until_count(debtor, "message_unknown", 1 if readings < 3 else 2)
        await house.skip_to_next(debtor)
        if readings < 3:
            await house.until_count(debtor, "message_not_found", readings)
    await house.until_count(debtor, "message_not_found", 3)
    await house.skip_to_next(debtor)
    await house.until_told(debtor, "message_given_up")
    assert await house.cases(debtor) == ["delivery_unknown"]
    assert await house.accepted(debtor) == []


@pytest.mark.parametrize("fault", [*KEPT[1:2], *LOST[:1]], ids=["kept", "lost"])
async def test_a_lost_email_without_receipt_is_never_sent_again_and_ends_as_a_case(
    house: House, fault: dict[str, Any]
) -> None:
    debtor = await _due(house, "email", "sms", fault=fault, habits=SILENT)
    await house.until_told(debtor, "message_unknown")
    before = await house.accepted(debtor)
    await house.skip_to_next(debtor)
    await house.until_told(debtor, "message_given_up")
    assert await house.cases(debtor) == ["delivery_unknown"]
    assert await house.accepted(debtor) == before


async def test_a_list_that_lags_for_one_reading_leads_to_no_second_message(house: House) -> None:
    debtor = await _due(house, "sms", fault={"kind": "drop_response"}, habits=SILENT)
    await house.fault("lagging_list", debtor.phone, seconds=3_600)
    await house.until_told(debtor, "message_unknown")
    await house.skip_to_next(debtor)
    await house.until_told(debtor, "message_not_found")
    await house.skip_to_next(debtor)
    await house.until_accepted(debtor, 1)
    assert await house.accepted(debtor) == ["sms"]


async def test_a_list_that_lies_for_both_readings_is_the_one_known_double(house: House) -> None:
    debtor = await _due(house, "sms", fault={"kind": "drop_response"}, habits=SILENT)
    await house.fault("lagging_list", debtor.phone, seconds=3_600, count=2)
    await house.until_told(debtor, "message_unknown")
    for readings in (1, 2):
        await house.skip_to_next(debtor)
        await house.until_count(debtor, "message_not_found", readings)
    await house.until_accepted(debtor, 1)
    assert await house.accepted(debtor) == ["sms", "sms"]
    once = next(check for check in await house.checks() if check.number == 2)
    assert once.ok
    assert [debtor.number in known for known in once.known if "sent again" in known] == [True]


async def test_a_list_that_cannot_be_read_is_asked_until_it_can(house: House) -> None:
    debtor = await _due(house, "sms", fault={"kind": "drop_response"}, habits=SILENT)
    await house.fault("unreadable_list", debtor.phone, count=2)
    await house.until_told(debtor, "message_unknown")
    await house.skip_to_next(debtor)
    await house.until_accepted(debtor, 1)
    assert await house.accepted(debtor) == ["sms"]
    assert "message_not_found" not in await house.story(debtor)


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_receipts_may_repeat_and_come_backwards(house: House, channel: str) -> None:
    debtor = await _due(house, channel, fault={"kind": "repeat_receipts", "times": 3})
    await house.until_delivered(debtor, "due-today", channel, "delivered")
    given = row()
    address = given.email if channel == "email" else given.phone
    await house.fault("reverse_receipts", address)
    await house.fault("repeat_receipts", address, times=2)
    backwards = await bring(house.ledger, ruler(channel), given)
    for each in (debtor, backwards):
        await house.until_delivered(each, "due-today", channel, "delivered")
        await house.until_heard_out()
        told = await house.deliveries(each)
        assert "delivered" in told
        assert len(set(told)) == len(told)
        assert await house.accepted(each) == [channel]
    await house.assert_sound()


@pytest.mark.parametrize(
    ("habit", "reason"),
    [("bounce", "bad_address"), ("drop:Spam Reporting Address", "opt_out"), ("block", None)],
)
async def test_an_email_that_bounces_goes_by_sms(house: House, habit: str, reason: str | None) -> None:
    debtor = await _due(house, "email", "sms", habits={"email": habit})
    await house.until_accepted(debtor, 2)
    assert await house.accepted(debtor) == ["email", "sms"]
    assert (await house.suppressed(debtor)).get("email") == reason
    await house.assert_sound()


async def test_a_whatsapp_that_nobody_receives_goes_by_email_after_four_hours(house: House) -> None:
    given = row(whatsapp="+15555550188")
    await house.habit(given.whatsapp, whatsapp="silent")
    debtor = await bring(house.ledger, ruler("whatsapp", "email"), given)
    await house.until_accepted(debtor, 1)
    await house.skip_to_next(debtor)
    await house.until_accepted(debtor, 2)
    assert (await house.accepted(debtor))[-2:] == ["whatsapp", "email"]


async def test_an_sms_that_is_opted_out_of_later_stops_the_next_reminder(house: House) -> None:
    debtor = await _due(house, "sms", habits={"sms": "undelivered:21610"})
    await house.until_suppressed(debtor, "sms")
    await house.until_told(debtor, "step_failed")
    assert await house.accepted(debtor) == ["sms"]
