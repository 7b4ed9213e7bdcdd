"""Conversations as they are read: in the order of time, whoever waits first."""

from typing import Any

from cadence.words import Channel
from ledger import correspondence, queries
from ledger.access import Ledger
from ledger.answering import write_answer
from ledger.cases import close
from tests.integration.ledger.playing import (
    ARRIVAL,
    MINUTE,
    row,
    send,
    take_in,
)
from tests.integration.ledger.writing import (
    AGENT,
    NOON,
    answer,
    reminded,
    write,
)


async def test_a_conversation_is_read_in_the_order_of_time(ledger: Ledger) -> None:
    (invoice_id,) = await reminded(ledger)
    await write(ledger, "paid", "Já paguei ontem")
    await answer(ledger, now=NOON + MINUTE)
    read = await correspondence.conversation(ledger.engine, "C-1", 50)
    assert [(each.who, each.channel, each.text) for each in read.said] == [
        ("regua", "email", "Please pay."),
        ("regua", "sms", "Please pay."),
        ("customer", "sms", "Já paguei ontem"),
        ("agent", "sms", "We found your payment."),
    ]
    assert (read.said[2].intent, read.said[3].by, read.said[3].state) == ("paid", "agent-1", None)
    await send(ledger, invoice_id, NOON + MINUTE)
    read = await correspondence.conversation(ledger.engine, "C-1", 1)
    assert [(each.who, each.state, each.invoice) for each in read.said] == [("agent", "accepted", "INV-1")]


async def test_who_waits_for_an_answer_comes_first_until_answered_or_settled(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", customer="C-2", phone="+351900000777"))
    await take_in(ledger, row("INV-3", customer="C-3", phone="+351900000888"))
    await write(ledger, "other", now=ARRIVAL)
    await write(ledger, "other", now=ARRIVAL + MINUTE, sender="+351900000777")
    await write(ledger, "stop", now=ARRIVAL + 2 * MINUTE, sender="+351900000888")
    await write(ledger, "other", "It is me", now=ARRIVAL + 3 * MINUTE, sender="+351900000999")

    async def lines(**only: Any) -> list[tuple[str | None, bool]]:
        found = await correspondence.list_conversations(ledger.engine, 10, **only)
        return [(line.customer, line.waiting) for line in found]

    assert await lines() == [("C-2", True), ("C-1", True), (None, False), ("C-3", False)]
    assert await lines(unknown=True) == [(None, False)]
    await write_answer(ledger, "INV-2", Channel.SMS, "Hello", AGENT, ARRIVAL + 4 * MINUTE)
    story = await queries.show_invoice(ledger.engine, "INV-1")
    await close(ledger.engine, story.cases[0].id, "agent-1", ARRIVAL + 4 * MINUTE)
    assert [waiting for _, waiting in await lines(unknown=False)] == [False, False, False]


async def test_conversations_go_on_after_the_last_line_of_a_page(ledger: Ledger) -> None:
    for minute in range(5):
        await write(ledger, "other", now=ARRIVAL + minute * MINUTE, sender=f"+35190000099{minute}")
    first = await correspondence.list_conversations(ledger.engine, 3)
    after = (first[-1].waiting, first[-1].at, first[-1].id)
    rest = await correspondence.list_conversations(ledger.engine, 3, after=after)
    assert [line.sender[-1] for line in (*first, *rest)] == ["4", "3", "2", "1", "0"]
