"""Commands about a payment that a customer made for several invoices: share it out, and take it back whole."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ledger.access import Ledger
from ledger.allocating import Allocated, CustomerPayment, pay_customer, reverse_payment
from ledger.keys import new_attempt_id
from ledger.movements import PAYMENT_SOURCE, REVERSAL_SOURCE
from starter import acts
from starter.commands import options as o
from starter.commands.credit import Customer
from starter.commands.facts import At, Method
from starter.printing import as_json, money, say, table, words
from starter.session import Refusal, wall_clock, with_ledger

Currency = Annotated[str, typer.Argument(help="ISO 4217, such as EUR.", show_default=False)]
Named = Annotated[
    list[str] | None,
    typer.Option(
        "--invoice", help="What is for which invoice, such as 2026-0117=10.50; may be said many times."
    ),
]
Preview = Annotated[
    bool, typer.Option("--preview", help="Show how it would be shared out, and record nothing.")
]
Payment = Annotated[str, typer.Argument(help="The payment's own id.", show_default=False)]
Part = Annotated[
    str | None,
    typer.Argument(help="How much went back; all that is left of it, if left out.", show_default=False),
]
ReversalId = Annotated[
    str | None, typer.Option("--id", help="The reversal's own id: telling it twice then changes nothing.")
]


def pay_for_customer(
    customer: Customer, amount: o.Amount, currency: Currency, named: Named = None, method: Method = "",
    at: At = None, preview: Preview = False, json: o.Json = False,
    once: o.Once = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Share a payment out over a customer's open invoices, the oldest due first; what is left is their credit."""
    code, now = o.read_code("--method", method) if method else "", wall_clock()
    origin = o.read_origin(actor, note, PAYMENT_SOURCE, once or new_attempt_id())

    async def work(ledger: Ledger) -> Allocated:
        told = CustomerPayment(
            origin.external_id or "",
            o.read_amount(amount),
            currency,
            _when(at, ledger, now),
            code,
            _shares(named),
        )
        customer_id = await ledger.customer_id(customer)
        return await pay_customer(ledger, customer_id, told, origin, now, preview=preview)

    found = with_ledger(work)
    if json:
        as_json(found)
        return
    done = (
        "would be shared out"
        if preview
        else "shared out"
        if found.recorded
        else "told before, nothing changed"
    )
    _print(f"{customer}: {amount} {currency} {done}, payment {found.payment}", found)


def reverse_for_customer(
    customer: Customer, payment: Payment, amount: Part = None, at: At = None, json: o.Json = False,
    once: ReversalId = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Take a payment back from every invoice it was shared out over: the youngest debt gives back first."""
    now, taken = wall_clock(), o.read_amount(amount) if amount else None
    origin = o.read_origin(actor, note, REVERSAL_SOURCE, once or new_attempt_id())

    async def work(ledger: Ledger) -> Allocated:
        customer_id, then = await ledger.customer_id(customer), _when(at, ledger, now)
        return await reverse_payment(ledger, customer_id, payment, taken, origin, then, now)

    found = with_ledger(work)
    if json:
        as_json(found)
    elif found.recorded:
        _print(f"{customer}: payment {payment} taken back", found)
    else:
        say(f"{customer}: told before under the id {origin.external_id}; nothing changed.")


def _when(at: str | None, ledger: Ledger, now: datetime) -> datetime:
    """When it happened, on the creditor's clock where it names no offset."""
    return acts.happened(o.read_instant("--at", at, ZoneInfo(ledger.creditor.zone)) if at else None, now)


def _shares(named: list[str] | None) -> dict[str, Decimal]:
    shares: dict[str, Decimal] = {}
    for text in named or ():
        number, separator, amount = text.rpartition("=")
        if not separator or not number or number in shares:
            raise Refusal(
                f"--invoice: {text!r} is no share; write a number once, and its sum: 2026-0117=10.50"
            )
        shares[number] = o.read_amount(amount)
    return shares


def _print(title: str, found: Allocated) -> None:
    rows = [
        (
            line.invoice,
            money(line.amount, found.currency),
            words(line.state),
            money(line.balance, found.currency),
        )
        for line in found.shares
    ]
    table(title, ("invoice", "share", "state", "balance"), rows)
