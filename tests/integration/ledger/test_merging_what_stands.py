"""What stands at a merge and goes on after it: segments given by hand, credit, promises, plans and merged messages."""

from datetime import date, datetime
from decimal import Decimal

from cadence import events as e
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.crediting import INTO, Used, credit_of, use_credit
from ledger.merging import merge, preview_merge
from ledger.performing import perform
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.recording import Fact, record, situation
from ledger.unit import Origin
from starter.segmenting import set_segment
from tests.integration.ledger.groups import AT, answered, ask, grouping, numbers, step
from tests.integration.ledger.playing import ARRIVAL, DAY, order_of, row, ruler, take_in
from tests.integration.ledger.test_plans import PLAN, sent

BOSS = Origin("boss", "test")


async def both(ledger: Ledger) -> list[int]:
    """Two invoices of one person, who is in the books as C-1 and as C-2."""
    return await take_in(ledger, row("INV-1"), row("INV-2", "C-2", phone="+351900000456"))


async def say(ledger: Ledger, invoice: int, event: e.InvoiceEvent) -> None:
    await record(ledger, invoice, [Fact(event, ARRIVAL, BOSS)], ARRIVAL)


async def merged(ledger: Ledger) -> None:
    assert (await merge(ledger, "C-1", "C-2", "duplicate", BOSS, ARRIVAL)).recorded


async def broken(ledger: Ledger, now: datetime = ARRIVAL) -> list[str]:
    found = await check_invariants(ledger.engine, ledger.book, now)
    return [told for check in found for told in check.violations]


async def test_a_segment_given_by_hand_stays_where_it_was_given_and_the_preview_says_so(
    ledger: Ledger,
) -> None:
    await publish(ledger.engine, ruler(name="key", segments=["key"]), ARRIVAL)
    await publish(ledger.engine, ruler(name="own", segments=["own"]), ARRIVAL)
    await both(ledger)
    before = await preview_merge(ledger, "C-1", "C-2", ARRIVAL)
    assert (before.segment, before.segment_ended) == ("standard", None)
    await set_segment(ledger, "C-1", "key", "boss_says", "next_invoice", BOSS, ARRIVAL)
    await set_segment(ledger, "C-2", "own", "hers", "next_invoice", BOSS, ARRIVAL)
    foreseen = await preview_merge(ledger, "C-1", "C-2", ARRIVAL)
    assert (foreseen.segment, foreseen.segment_ended) == ("own", "key")
    await merged(ledger)
    for number in ("INV-1", "INV-2"):
        assert (await show_invoice(ledger.engine, number)).customer.segment == "own"
    assert await broken(ledger) == []


async def test_credit_goes_along_pays_who_stays_and_is_refunded_to_them(ledger: Ledger) -> None:
    first, second = await both(ledger)
    await say(ledger, first, e.PaymentReceived(amount=Decimal("160.50"), currency="EUR"))
    assert (await credit_of(ledger.engine, "C-2")).credit == {}
    await merged(ledger)
    assert (await credit_of(ledger.engine, "C-2")).credit == {"EUR": Decimal(40)}
    async with ledger.invoice_unit(second, ARRIVAL) as unit:
        used = await use_credit(unit, unit.invoice(second), Decimal(30), Origin("ana", INTO, "u-1"))
    assert used == Used(Decimal(30), ("INV-1",), recorded=True)
    assert (await show_invoice(ledger.engine, "INV-2")).invoice.balance == Decimal("90.50")
    assert (await credit_of(ledger.engine, "C-1")).credit == {"EUR": Decimal(10)}
    assert await broken(ledger) == []


async def test_a_promise_is_judged_after_the_merge_as_it_would_have_been(ledger: Ledger) -> None:
    first, second = await both(ledger)
    by = (ARRIVAL + 2 * DAY).date()
    for invoice in (first, second):
        await say(ledger, invoice, e.PromiseMade(amount=Decimal("120.50"), by=by))
    await merged(ledger)
    await say(ledger, second, e.PaymentReceived(amount=Decimal("120.50"), currency="EUR"))
    assert (await show_invoice(ledger.engine, "INV-1")).invoice.state == "promised"
    order = await order_of(ledger, first)
    assert order.key == "promise/1"
    await perform(ledger, order, order.at)
    story = await show_invoice(ledger.engine, "INV-1")
    assert [case.reason for case in story.cases] == ["broken_promise"]
    assert (await situation(ledger, first, order.at)).balance == Decimal("120.50")
    assert await broken(ledger, order.at) == []


async def test_a_plan_goes_on_reminding_after_the_merge(ledger: Ledger) -> None:
    await publish(ledger.engine, ruler(branches={"plan": PLAN}), ARRIVAL)
    second = row("INV-2", "C-2", phone="+351900000456", due_on=date(2026, 3, 30))
    first, _ = await take_in(ledger, row("INV-1"), second)
    parts = tuple(
        e.AgreedInstalment(due_on=date(2026, 3, day), amount=Decimal(amount))
        for day, amount in ((12, "60"), (19, "60.50"))
    )
    await say(ledger, first, e.PlanAgreed(instalments=parts))
    await merged(ledger)
    story = await show_invoice(ledger.engine, "INV-1")
    assert (story.invoice.state, story.customer.key) == ("on_plan", "C-2")
    march_9 = ARRIVAL.replace(day=9, hour=9)
    told = await sent(ledger, first, march_9)
    assert (told.template, told.instalment) == ("instalment_upcoming", (date(2026, 3, 12), Decimal(60)))
    assert await broken(ledger, march_9) == []


async def test_what_was_said_in_one_message_stays_said_after_the_merge(ledger: Ledger) -> None:
    await publish(ledger.engine, grouping(), ARRIVAL)
    first, second = await take_in(ledger, row("INV-1"), row("INV-2"))
    granted = (await ask(ledger, first)).permit
    assert granted is not None
    assert numbers(granted) == ["INV-1", "INV-2"]
    await take_in(ledger, row("INV-3", "C-2", phone="+351900000456", due_on=date(2026, 3, 20)))
    # Merged while the message is under way: its outcome counts for all that it lists.
    await merged(ledger)
    await answered(ledger, granted, "accepted")
    outcomes = [(await step(ledger, each)).outcome for each in (first, second)]
    assert sorted(str(each) for each in outcomes) == ["merged", "sent"]
    assert await broken(ledger, AT) == []


async def test_invoices_of_both_fall_due_together_after_the_merge_and_make_one_message(
    ledger: Ledger,
) -> None:
    await publish(ledger.engine, grouping(), ARRIVAL)
    first, second = await both(ledger)
    await merged(ledger)
    granted = (await ask(ledger, first)).permit or (await ask(ledger, second)).permit
    assert granted is not None
    assert numbers(granted) == ["INV-1", "INV-2"]
    await answered(ledger, granted, "accepted", AT)
    assert await broken(ledger, AT) == []
