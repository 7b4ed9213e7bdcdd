"""What customers write, and what follows from it at once."""

from datetime import UTC, datetime, timedelta

from ledger import correspondence, queries
from ledger.access import Ledger
from tests.integration.ledger.playing import (
    DAY,
    row,
    take_in,
)
from tests.integration.ledger.writing import (
    NOON,
    cancel,
    cases,
    facts,
    reminded,
    write,
)


async def test_who_says_it_is_paid_is_left_alone_for_three_business_days(ledger: Ledger) -> None:
    await reminded(ledger)
    assert await write(ledger, "paid") == "new"
    (hold,) = (await facts(ledger)).holds
    # Thursday, and the third business day after it, to its end in Lisbon.
    assert (hold.reason, hold.until) == ("says_paid", datetime(2026, 3, 18, tzinfo=UTC))
    assert await cases(ledger) == [("says_paid", "replies")]


async def test_saying_so_again_makes_one_hold_longer(ledger: Ledger) -> None:
    await reminded(ledger)
    await write(ledger, "paid")
    await write(ledger, "paid", now=NOON + DAY)
    assert [hold.until for hold in (await facts(ledger)).holds] == [datetime(2026, 3, 19, tzinfo=UTC)]
    assert len(await cases(ledger)) == 2


async def test_a_reply_that_is_told_again_changes_nothing(ledger: Ledger) -> None:
    await reminded(ledger)
    await write(ledger, "paid")
    before = await facts(ledger)
    assert await write(ledger, "paid") == "known"
    assert await facts(ledger) == before


async def test_a_reply_is_about_the_invoice_last_written_about_and_disturbs_no_other(ledger: Ledger) -> None:
    await reminded(ledger, "INV-1", "INV-2")
    await write(ledger, "wrong")
    read = (await facts(ledger, "INV-1")).dispute
    assert read is not None
    assert not read.confirmed
    assert await cases(ledger, "INV-1") == [("dispute_to_confirm", "disputes")]
    other = await facts(ledger, "INV-2")
    assert (other.disputed, other.cases) == (False, ())


async def test_a_reply_to_no_message_is_about_what_fell_due(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", due_on=NOON.date() + timedelta(days=60)))
    await write(ledger, "other")
    assert await cases(ledger, "INV-1") == [("replied", "replies")]
    assert await cases(ledger, "INV-2") == []


async def test_what_may_be_an_opt_out_holds_every_invoice_until_a_person_could_read_it(
    ledger: Ledger,
) -> None:
    await reminded(ledger, "INV-1", "INV-2")
    await write(ledger, "stop_unsure")
    for number in ("INV-1", "INV-2"):
        (hold,) = (await facts(ledger, number)).holds
        assert (hold.reason, hold.until) == ("may_opt_out", datetime(2026, 3, 14, tzinfo=UTC))
    assert await cases(ledger, "INV-1") == [("may_opt_out", "replies")]
    assert await cases(ledger, "INV-2") == []
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert story.customer.suppressed == {}


async def test_a_stop_silences_the_channel_for_good_and_opens_no_case(ledger: Ledger) -> None:
    await reminded(ledger)
    await write(ledger, "stop")
    story = await queries.show_invoice(ledger.engine, "INV-1")
    assert (story.customer.suppressed, story.cases) == ({"sms": "opt_out"}, ())


async def test_every_customer_with_that_number_is_meant(ledger: Ledger) -> None:
    await take_in(ledger, row("INV-1"), row("INV-2", customer="C-2"))
    await write(ledger, "paid")
    assert [(await facts(ledger, number)).state for number in ("INV-1", "INV-2")] == ["on_hold", "on_hold"]


async def test_a_reply_about_a_closed_invoice_goes_to_a_person_and_holds_nothing(ledger: Ledger) -> None:
    (first, _) = await reminded(ledger, "INV-1", "INV-2")
    await cancel(ledger, first)
    await write(ledger, "wrong")
    assert (await facts(ledger, "INV-1")).disputed is False
    assert await cases(ledger, "INV-1") == [("replied", "replies")]
    assert await cases(ledger, "INV-2") == []


async def test_a_reply_from_a_number_nobody_knows_is_kept_and_says_so(ledger: Ledger) -> None:
    assert await write(ledger, "paid", "I paid", sender="+351900000999") == "unknown_sender"
    assert await write(ledger, "paid", "I paid", sender="+351900000999") == "known"
    (line,) = await correspondence.list_conversations(ledger.engine, 10)
    assert (line.customer, line.sender, line.text, line.intent) == (None, "+351900000999", "I paid", "paid")
