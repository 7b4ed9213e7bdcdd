"""Commands that say what happened to an invoice: the ledger takes note, and the relay tells its workflow."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer

from ledger.movements import PAYMENT_SOURCE
from ledger.unit import Origin
from starter import acts
from starter.commands import options as o
from starter.printing import money, say, words
from starter.session import wall_clock, with_ledger
from starter.standing import Report, Standing, report

Currency = Annotated[str | None, typer.Option("--currency", help="ISO 4217; the invoice's own if left out.")]
Method = Annotated[str, typer.Option("--method", help="How it was paid, as a code such as pix.")]
At = Annotated[
    str | None, typer.Option("--at", help="When it happened, such as 2026-03-31T14:30; now if left out.")
]


def pay(
    invoice: o.Invoice, amount: o.Amount, currency: Currency = None, method: Method = "", at: At = None,
    once: o.Once = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Take note of a payment; the invoice closes when nothing is left to pay."""
    code, paid = o.read_code("--method", method) if method else "", o.read_amount(amount)

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.pay(stands, now, amount=paid, currency=currency, method=code, at=when(stands, at))

    origin = o.read_origin(actor, note, PAYMENT_SOURCE, once)
    tell(invoice, origin, judge, f"payment of {amount} noted", paid)


def reverse(
    invoice: o.Invoice, amount: o.Amount, currency: Currency = None, at: At = None,
    once: o.Once = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Take note that a payment was taken back; a closed invoice opens again and goes on from its next step."""
    taken = o.read_amount(amount)

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.reverse(stands, now, amount=taken, currency=currency, at=when(stands, at))

    origin = o.read_origin(actor, note, acts.REVERSAL_SOURCE, once)
    tell(invoice, origin, judge, f"reversal of {amount} noted", taken)


def escalate(
    invoice: o.Invoice,
    stage: Annotated[str | None, typer.Option("--stage", help="The stage; the next one if left out.")] = None,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Move an invoice to a later stage: its first step comes in the next window, the later ones keep distance."""
    origin = o.read_origin(actor, note)
    tell(invoice, origin, lambda stands, now: acts.escalate(stands, now, stage=stage), "escalated")


def extend(
    invoice: o.Invoice,
    to: Annotated[str, typer.Option("--to", help="The new due date.", show_default=False)],
    reason: o.Reason = o.UNSPECIFIED,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Give the customer longer to pay: the steps after the due date begin anew from the later one."""
    day, code = o.read_date("--to", to), o.read_code("--reason", reason)
    origin = o.read_origin(actor, note)
    tell(
        invoice,
        origin,
        lambda stands, now: acts.extend(stands, now, to=day, reason=code),
        f"due on {day} now",
    )


def cancel(
    invoice: o.Invoice, reason: o.Reason = o.UNSPECIFIED, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """Close an invoice that is not to be collected."""
    code = o.read_code("--reason", reason)
    origin = o.read_origin(actor, note)
    tell(invoice, origin, lambda stands, now: acts.cancel(stands, now, reason=code), "cancellation noted")


def tell(
    invoice: str,
    origin: Origin,
    judge: Callable[[Standing, datetime], Report],
    done: str,
    amount: Decimal | None = None,
) -> None:
    """Report what happened to an invoice, and say that it is `done` and how the invoice stands then."""
    with o.named_options():
        told = with_ledger(lambda ledger: report(ledger, invoice, origin, judge, wall_clock(), amount=amount))
    if not told.recorded:
        say(f"{invoice}: told before under the id {origin.external_id}; nothing changed.")
        return
    facts = told.stands.facts
    open_now = "" if facts.closed else f", with {money(facts.balance, facts.currency)} open"
    say(f"{invoice}: {done}. It is {words(told.stands.situation.state)}{open_now}.")


def when(stands: Standing, at: str | None) -> datetime | None:
    """When it happened, on the customer's clock where it names no offset."""
    return o.read_instant("--at", at, stands.situation.zone) if at else None
