"""A customer writes back and an agent answers, through every part of the house."""

import pytest

from cadence.facts import State
from cadence.words import Channel
from ledger.answering import write_answer
from ledger.unit import Origin
from starter.histories import check_histories
from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor, bring, ruler

AGENT = Origin(actor="agent-1", source="api")
TEXT = "We found your payment of yesterday, thank you."


async def answer(house: House, debtor: Debtor, channel: Channel) -> None:
    await write_answer(house.ledger, debtor.number, channel, TEXT, AGENT, house.now())
    await house.until_accepted(debtor, 2)
    await house.until_delivered(debtor, "on:answer", channel, "delivered")


async def text_sent(house: House, address: str | None) -> dict[str, str]:
    """The fields of the last message that the provider took for an address."""
    taken = (await house.sandbox.get("/sandbox/messages", params={"address": address or ""})).json()
    fields: dict[str, str] = max(taken, key=lambda row: row["accepted_at"])["fields"]
    return fields


async def test_who_says_it_is_paid_is_held_and_answered_all_the_same(house: House) -> None:
    debtor = await bring(house.ledger, ruler("sms"))
    await house.until_accepted(debtor, 1)
    await house.reply(debtor, "I already paid this yesterday!")
    await house.until_state(debtor, State.ON_HOLD, "hold_placed")
    assert await house.cases(debtor) == ["says_paid"]

    await answer(house, debtor, Channel.SMS)
    assert (await text_sent(house, debtor.phone))["Body"].startswith(TEXT)
    assert (await house.facts(debtor)).state is State.ON_HOLD
    await house.assert_sound()
    found = await check_histories(
        house.client, house.settings.task_queue, {TEXT, "already paid", debtor.phone}
    )
    assert (found.ok, found.checked) == (True, 1)


@pytest.mark.parametrize("text", ["This invoice is wrong", "Não reconheço essa cobrança"])
async def test_what_a_customer_calls_wrong_is_disputed_until_a_person_has_looked(
    house: House, text: str
) -> None:
    debtor = await bring(house.ledger, ruler("sms"))
    await house.until_accepted(debtor, 1)
    await house.reply(debtor, text)
    await house.until_state(debtor, State.DISPUTED, "dispute_opened")
    assert await house.cases(debtor) == ["dispute_to_confirm"]


async def test_a_customer_who_wrote_on_whatsapp_is_answered_there_in_free_text(house: House) -> None:
    debtor = await bring(house.ledger, ruler("whatsapp"), whatsapp=f"+1556{id(house) % 10**7:07d}")
    await house.until_accepted(debtor, 1)
    given = {"channel": "whatsapp", "from": debtor.whatsapp, "body": "Who is this?"}
    given["to"] = house.ledger.creditor.phone_of(Channel.WHATSAPP)
    (await house.sandbox.post("/sandbox/replies", json=given)).raise_for_status()
    await house.until_told(debtor, "replied")

    await answer(house, debtor, Channel.WHATSAPP)
    fields = await text_sent(house, debtor.whatsapp)
    assert fields["Body"].startswith(TEXT)
    assert "ContentSid" not in fields
    await house.assert_sound()
