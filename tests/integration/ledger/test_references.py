"""What an invoice is known by: kept at intake, never taken from another, and quoted to its customer."""

import asyncio
from decimal import Decimal

from cadence.creditor import Creditor
from ledger.access import Ledger
from ledger.intake import Received, receive
from ledger.queries import list_invoices, show_invoice
from ledger.references import creditor_reference
from ledger.sending import permit
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, CREDITOR, FILE, order_of, row, take_in

OWN = "RF18539007547034"


async def known(ledger: Ledger, number: str) -> list[tuple[str, str]]:
    return [(each.kind, each.value) for each in (await show_invoice(ledger.engine, number)).references]


async def test_an_invoice_gets_a_reference_of_ours_and_keeps_those_of_its_creditor(ledger: Ledger) -> None:
    (invoice,) = await take_in(ledger, row(pix_txid="abc123", payment_reference="pay_1"))
    ours = ("creditor_reference", creditor_reference(invoice))
    assert await known(ledger, "INV-1") == [ours, ("pix_txid", "abc123"), ("provider", "pay_1")]


async def test_references_that_come_later_are_added_once_and_none_is_taken_away(ledger: Ledger) -> None:
    await take_in(ledger, row(pix_txid="abc123"))
    again = row(pix_txid="def456", payment_reference=OWN)
    assert [each.outcome for each in await receive(ledger, [again, again], ARRIVAL, FILE)] == [
        "changed",
        "same",
    ]
    assert [each.outcome for each in await receive(ledger, [row()], ARRIVAL, FILE)] == ["same"]
    kinds = [value for kind, value in await known(ledger, "INV-1") if kind == "pix_txid"]
    assert kinds == ["abc123", "def456"]


async def test_a_reference_of_another_invoice_rejects_the_row_and_nothing_else(ledger: Ledger) -> None:
    await take_in(ledger, row(pix_txid="abc123"))
    rows = [row("INV-2", "C-2", pix_txid="abc123"), row("INV-3", "C-3", pix_txid="def456")]
    answers = await receive(ledger, rows, ARRIVAL, FILE)
    reason = "the Pix txid 'abc123' names invoice INV-1 already; a reference names one invoice, so check both"
    assert answers == [Received("INV-2", "rejected", reason), Received("INV-3", "new")]
    assert [line.number for line in await list_invoices(ledger.engine)] == ["INV-1", "INV-3"]


async def test_a_reference_that_we_make_for_another_invoice_is_never_given_to_one(ledger: Ledger) -> None:
    (invoice,) = await take_in(ledger, row())
    rows = [row("INV-2", payment_reference=creditor_reference(invoice + 2)), row("INV-3")]
    answers = await receive(ledger, rows, ARRIVAL, FILE)
    assert [each.outcome for each in answers] == ["rejected", "new"]
    assert "names another invoice of ours" in answers[0].reason
    own = row(payment_reference=creditor_reference(invoice))
    assert [each.outcome for each in await receive(ledger, [own], ARRIVAL, FILE)] == ["same"]


async def test_a_rejected_change_leaves_the_invoice_as_it_was(ledger: Ledger) -> None:
    await take_in(ledger, row(pix_txid="abc123"), row("INV-2"))
    changed = row("INV-2", amount=Decimal(7), pix_txid="abc123")
    assert [each.outcome for each in await receive(ledger, [changed], ARRIVAL, FILE)] == ["rejected"]
    assert (await show_invoice(ledger.engine, "INV-2")).invoice.amount == Decimal("120.50")


async def test_of_two_imports_at_once_that_give_one_reference_one_is_rejected(ledger: Ledger) -> None:
    rows = [row(f"INV-{n}", f"C-{n}", payment_reference="pay_1") for n in range(4)]
    answers = await asyncio.gather(*(receive(ledger, [each], ARRIVAL, FILE) for each in rows))
    assert sorted(each.outcome for (each,) in answers) == ["new", "rejected", "rejected", "rejected"]


async def test_a_message_quotes_the_creditors_own_reference_before_ours(ledger: Ledger) -> None:
    first, second = await take_in(ledger, row(payment_reference=OWN), row("INV-2", "C-2"))
    for invoice, quoted in ((first, OWN), (second, creditor_reference(second))):
        leave = await permit(ledger, await order_of(ledger, invoice), COURTESY_AT)
        assert leave.permit is not None
        assert leave.permit.creditor_reference == quoted


async def test_nothing_is_quoted_where_the_creditor_does_not_ask_for_it(ledger: Ledger) -> None:
    document = CREDITOR.model_dump(by_alias=True, mode="json")
    for lines in document["payment"]["EUR"]["instructions"].values():
        lines[:] = [line for line in lines if "{reference}" not in line]
    silent = Ledger(ledger.engine, Creditor.model_validate(document))
    (invoice,) = await take_in(silent, row())
    leave = await permit(silent, await order_of(silent, invoice), COURTESY_AT)
    assert leave.permit is not None
    assert leave.permit.creditor_reference == ""
