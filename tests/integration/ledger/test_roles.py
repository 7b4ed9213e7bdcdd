"""Contacts by their roles: who is written to, whose word closes what, and what the checks make of every address."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cadence import events as e
from cadence.document import Cadence
from cadence.facts import MessageFacts
from cadence.words import Channel, Language
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.checks import personal_needles
from ledger.conversations import IncomingReply, record_reply
from ledger.customer_intake import ContactIntake
from ledger.deliveries import Receipt, opt_out_by_reference, record_receipts
from ledger.explaining import why
from ledger.intake import receive
from ledger.keys import address_fingerprint
from ledger.merging import merge
from ledger.publishing import publish
from ledger.sending import Permit, conclude
from ledger.tables import cases_table
from ledger.unit import Unit
from tests.integration.ledger.groups import broken
from tests.integration.ledger.playing import (
    ARRIVAL,
    FILE,
    MINUTE,
    REMINDER_AT,
    permitted,
    row,
    ruler,
    send,
    take_in,
)  # fmt: skip
from tests.integration.ledger.test_checks import tamper
from tests.integration.ledger.test_sending import facts_of
from tests.integration.ledger.test_wishes import tell

DIRECTOR, OWNER = "director@example.com", "owner@example.com"


def letters(*, channels: tuple[str, ...] = ("email",), missed: str = "send", **send: Any) -> Cadence:
    """One reminder the day after the due date, to the roles given."""
    say = {"template": "overdue_first", "channels": channels, **send}
    reminder = {"id": "reminder", "at": "due + 1d", "stage": "overdue", "send": say, "missed": missed}
    return ruler(steps=[reminder], group_by="customer")


async def bring(ledger: Ledger, cadence: Cadence, *contacts: ContactIntake, count: int = 1) -> list[int]:
    await publish(ledger.engine, cadence, ARRIVAL)
    ids = await take_in(ledger, *(row(f"INV-{number}") for number in range(1, count + 1)))
    answers = await receive(ledger, contacts, ARRIVAL, FILE)
    assert [each.outcome for each in answers] == ["new"] * len(contacts)
    return ids


def contact(role: str, **addresses: str) -> ContactIntake:
    return ContactIntake(customer="C-1", contact=role, role=role, name=f"Somebody {role}", **addresses)


def both() -> list[ContactIntake]:
    director = contact("director", email=DIRECTOR).model_copy(update={"language": Language.FR})
    return [director, contact("owner", email=OWNER)]


def receipt(granted: Permit, address: str, **more: Any) -> Receipt:
    given = {
        "channel": Channel.EMAIL, "source": "sendgrid", "attempt_id": granted.attempt_id, "provider_id": None,
        "external_id": f"{address}-{more}", "delivery": "delivered", "address": address,
    }  # fmt: skip
    return Receipt(**given | more)


async def told(ledger: Ledger, *receipts: Receipt) -> list[str]:
    return [*await record_receipts(ledger, receipts, lambda _: REMINDER_AT + MINUTE)]


async def message(ledger: Ledger, invoice_id: int) -> MessageFacts:
    return (await facts_of(ledger, invoice_id))[0].step("reminder", 1).messages[Channel.EMAIL]


async def test_a_message_goes_to_the_role_in_its_language_and_to_others_in_copy(ledger: Ledger) -> None:
    (invoice_id,) = await bring(ledger, letters(to="director", cc=["owner"]), *both())
    granted = await send(ledger, invoice_id, REMINDER_AT)
    assert (granted.role, granted.address, granted.copies) == ("director", DIRECTOR, (OWNER,))
    assert granted.language == "fr"
    (said,) = [each for each in await why(ledger, "INV-1", REMINDER_AT + MINUTE) if each.step == "reminder"]
    assert said.words.endswith("; written to director, owner in copy")
    assert await broken(ledger, REMINDER_AT + MINUTE) == []


async def test_without_such_a_contact_the_billing_contact_is_written_to_and_why_says_so(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await bring(ledger, letters(to="director", cc=["owner"]))
    (ahead,) = [each for each in await why(ledger, "INV-1", ARRIVAL) if each.step == "reminder"]
    assert "no contact director; no contact owner; written to billing" in ahead.words
    granted = await send(ledger, invoice_id, REMINDER_AT)
    assert (granted.role, granted.address, granted.copies) == ("billing", "c-1@example.com", ())
    (said,) = [each for each in await why(ledger, "INV-1", REMINDER_AT + MINUTE) if each.step == "reminder"]
    assert said.words.endswith("no contact director; no contact owner; written to billing")


async def test_a_suppressed_address_gets_no_copy_whoever_has_it(ledger: Ledger) -> None:
    (invoice_id,) = await bring(ledger, letters(cc=["director", "owner"]), *both())
    address = address_fingerprint(OWNER)
    await tell(ledger, e.ChannelSuppressed(channel=Channel.EMAIL, reason="complaint", address=address))
    granted = await send(ledger, invoice_id, REMINDER_AT)
    assert (granted.address, granted.copies) == ("c-1@example.com", (DIRECTOR,))
    assert (await message(ledger, invoice_id)).left_out == {"owner": "complaint"}
    assert await broken(ledger, REMINDER_AT + MINUTE) == []


async def test_a_suppressed_role_is_not_written_to_and_nobody_in_its_place(ledger: Ledger) -> None:
    (invoice_id,) = await bring(ledger, letters(to="director"), *both())
    address = address_fingerprint(DIRECTOR)
    await tell(ledger, e.ChannelSuppressed(channel=Channel.EMAIL, reason="opt_out", address=address))
    item = (await ledger.directive(invoice_id)).item
    assert item is not None
    assert str(item.kind) == "open_case"
    (said,) = [each for each in await why(ledger, "INV-1", ARRIVAL) if each.step == "reminder"]
    assert "email: the customer asked not to be written to by it" in said.words


async def test_receipts_of_a_copy_leave_the_messages_own_delivery_alone(ledger: Ledger) -> None:
    (invoice_id,) = await bring(ledger, letters(cc=["owner"]), *both())
    granted = await send(ledger, invoice_id, REMINDER_AT)
    bounced = receipt(granted, OWNER.upper(), delivery="failed", error_class="bad_address", address_dead=True)
    assert await told(ledger, receipt(granted, OWNER), bounced) == ["known", "new"]
    assert (await message(ledger, invoice_id)).delivery is None
    facts = (await facts_of(ledger, invoice_id))[1]
    assert facts.closed(Channel.EMAIL, address_fingerprint(OWNER)) == "bad_address"
    assert facts.unusable(Channel.EMAIL) is None
    assert await told(ledger, receipt(granted, granted.address)) == ["new"]
    assert (await message(ledger, invoice_id)).delivery == "delivered"
    assert await broken(ledger, REMINDER_AT + 2 * MINUTE) == []


@pytest.mark.parametrize("error_class", ["opt_out", "bad_address"])
async def test_what_comes_back_from_a_role_does_not_silence_billing(ledger: Ledger, error_class: str) -> None:
    (invoice_id,) = await bring(ledger, letters(to="director"), *both())
    granted = await send(ledger, invoice_id, REMINDER_AT)
    gone = receipt(granted, DIRECTOR, delivery="failed", error_class=error_class)
    assert await told(ledger, gone) == ["new"]
    facts = (await facts_of(ledger, invoice_id))[1]
    assert facts.closed(Channel.EMAIL, address_fingerprint(DIRECTOR)) == error_class
    assert facts.unusable(Channel.EMAIL) is None


async def test_the_unsubscribe_link_of_a_roles_message_closes_their_address(ledger: Ledger) -> None:
    (invoice_id,) = await bring(ledger, letters(to="director"), *both())
    granted = await send(ledger, invoice_id, REMINDER_AT)
    assert await opt_out_by_reference(ledger, granted.reference, REMINDER_AT + MINUTE)
    facts = (await facts_of(ledger, invoice_id))[1]
    assert facts.closed(Channel.EMAIL, address_fingerprint(DIRECTOR)) == "opt_out"
    assert facts.unusable(Channel.EMAIL) is None


async def test_a_roles_reply_joins_the_conversation_and_their_stop_is_theirs(ledger: Ledger) -> None:
    phone = "+351900000777"
    cadence = letters(to="director", channels=("sms",))
    (invoice_id,) = await bring(ledger, cadence, contact("director", phone=phone))
    granted = await send(ledger, invoice_id, REMINDER_AT)
    assert granted.address == phone

    async def write(intent: str, minutes: int) -> str:
        at = REMINDER_AT + timedelta(minutes=minutes)
        reply = IncomingReply(Channel.SMS, "twilio", f"SM{minutes}", phone, intent, at, intent)
        return await record_reply(ledger, reply, at)

    assert await write("wrong", 5) == "new"
    facts, _ = await facts_of(ledger, invoice_id)
    assert facts.dispute is not None
    assert await write("stop", 6) == "new"
    stopped = (await facts_of(ledger, invoice_id))[1]
    assert stopped.closed(Channel.SMS, address_fingerprint(phone)) == "opt_out"
    assert stopped.unusable(Channel.SMS) is None
    assert await write("start", 7) == "new"
    assert (await facts_of(ledger, invoice_id))[1].closed(Channel.SMS, address_fingerprint(phone)) is None


async def test_only_what_goes_to_one_role_goes_together(ledger: Ledger) -> None:
    director = {"id": "letter", "at": "due + 1d", "stage": "overdue"}
    say = {"template": "overdue_first", "channels": ["email"]}
    steps = [
        director | {"send": say | {"to": "director"}, "missed": "send", "when": "balance > 100"},
    ]
    first, second = await bring(ledger, letters(), *both(), count=2)
    other = ruler(name="other", segments=["other"], group_by="customer", steps=steps)
    await publish(ledger.engine, other, ARRIVAL)
    (third,) = await take_in(ledger, row("INV-3", segment="other"))
    foreseen = [(await why(ledger, f"INV-{number}", ARRIVAL))[0].rule for number in (1, 2, 3)]
    assert foreseen == ["grouped", "grouped", "planned"]
    granted = [await send_whole(ledger, each) for each in (third, first)]
    assert [(each.role, [item.number for item in each.items]) for each in granted] == [
        ("director", []),
        ("billing", ["INV-1", "INV-2"]),
    ]
    assert (await facts_of(ledger, second))[0].step("reminder", 1).outcome == "merged"


async def send_whole(ledger: Ledger, invoice_id: int) -> Permit:
    granted = await permitted(ledger, invoice_id, REMINDER_AT)
    await conclude(ledger, granted, Result(state="accepted"), REMINDER_AT)
    return granted


async def test_invariant_eight_looks_at_every_address(ledger: Ledger) -> None:
    """The suppression is written before the permit's place in the log, as if the permit had not looked."""
    (invoice_id,) = await bring(ledger, letters(cc=["owner"]), *both())
    await send(ledger, invoice_id, REMINDER_AT)
    address = address_fingerprint(OWNER)
    await tell(
        ledger,
        e.ChannelSuppressed(channel=Channel.EMAIL, reason="wrong_person", address=address),
        now=REMINDER_AT,
    )
    await tamper(
        ledger,
        "UPDATE event SET id = id - 1000 WHERE type = 'customer_received'",
        "UPDATE event SET id = -id WHERE type = 'channel_suppressed'",
    )
    assert any("in spite of wrong_person" in each for each in await broken(ledger, REMINDER_AT))


async def test_contacts_that_come_with_a_merge_may_be_written_to_and_are_never_named_in_histories(
    ledger: Ledger,
) -> None:
    (invoice_id,) = await bring(ledger, letters(to="director"))
    await take_in(ledger, row("INV-9", customer="C-9", email="nine@example.com"))
    await receive(ledger, both(), ARRIVAL, FILE)
    await merge(ledger, "C-1", "C-9", "duplicate", FILE, ARRIVAL)
    granted = await send(ledger, invoice_id, REMINDER_AT)
    assert (granted.role, granted.address) == ("director", DIRECTOR)
    assert {DIRECTOR, OWNER} <= await personal_needles(ledger.engine)


async def test_a_contact_told_again_changes_nothing(ledger: Ledger) -> None:
    (invoice_id,) = await bring(ledger, letters(to="director"), *both())
    assert [each.outcome for each in await receive(ledger, both(), ARRIVAL, FILE)] == ["same", "same"]
    moved = contact("director", email="new@example.com")
    assert [each.outcome for each in await receive(ledger, [moved], ARRIVAL, FILE)] == ["changed"]
    assert (await send(ledger, invoice_id, REMINDER_AT)).address == "new@example.com"
    async with ledger.engine.begin() as connection:
        unit = Unit(connection, ledger.book, ARRIVAL)
        await unit.lock_invoice(invoice_id)
        assert (await connection.execute(select(cases_table))).all() == []
