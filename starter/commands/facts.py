"""Commands that say what happened to an invoice: the ledger takes note, and the relay tells its workflow."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import typer

from cadence import events as e
from ledger.unit import Origin
from starter.commands import options as o
from starter.payments import PAYMENT_SOURCE
from starter.printing import money, say, words
from starter.session import Refusal, with_ledger
from starter.standing import Report, Standing, report

# Payments and their reversals are told apart by ids of their own.
REVERSAL_SOURCE = "reversal"

Currency = Annotated[str | None, typer.Option("--currency", help="ISO 4217; the invoice's own if left out.")]
Method = Annotated[str, typer.Option("--method", help="How it was paid, as a code such as pix.")]
At = Annotated[
    str | None, typer.Option("--at", help="When it happened, such as 2026-03-31T14:30; now if left out.")
]
Outcome = Literal["upheld", "rejected", "withdrawn"]


def pay(
    invoice: o.Invoice, amount: o.Amount, currency: Currency = None, method: Method = "", at: At = None,
    once: o.Once = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Take note of a payment; the invoice closes when nothing is left to pay."""
    method = o.read_code("--method", method) if method else ""

    def judge(stands: Standing, now: datetime) -> Report:
        paid, of = _money(stands, amount, currency)
        return Report(e.PaymentReceived(amount=paid, currency=of, method=method), _when(stands, at, now))

    _tell(invoice, o.read_origin(actor, note, PAYMENT_SOURCE, once), judge, f"payment of {amount} noted")


def reverse(
    invoice: o.Invoice, amount: o.Amount, currency: Currency = None, at: At = None,
    once: o.Once = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Take note that a payment was taken back; a closed invoice opens again and goes on from its next step."""

    def judge(stands: Standing, now: datetime) -> Report:
        taken, of = _money(stands, amount, currency)
        if taken > stands.facts.paid:
            raise Refusal(
                f"{amount} is more than was paid: {stands.number} has {money(stands.facts.paid, of)} paid"
            )
        return Report(e.PaymentReversed(amount=taken, currency=of), _when(stands, at, now))

    _tell(invoice, o.read_origin(actor, note, REVERSAL_SOURCE, once), judge, f"reversal of {amount} noted")


def dispute(
    invoice: o.Invoice, reason: o.Reason = o.UNSPECIFIED, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """Take note that the customer disputes the invoice: reminders stop, a case opens."""
    code = o.read_code("--reason", reason)

    def judge(stands: Standing, now: datetime) -> Report:
        _refuse_closed(stands, "dispute")
        if stands.facts.disputed:
            raise Refusal(f"{stands.number} is disputed already; `regua resolve` ends a dispute")
        return Report(e.DisputeOpened(reason=code), now)

    _tell(invoice, o.read_origin(actor, note), judge, "dispute opened")


def resolve(
    invoice: o.Invoice,
    outcome: Annotated[
        Outcome, typer.Option("--outcome", help="Upheld credits what is open.", show_default=False)
    ],
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """End a dispute: upheld (the customer is right), rejected or withdrawn."""

    def judge(stands: Standing, now: datetime) -> Report:
        if not stands.facts.disputed:
            raise Refusal(f"{stands.number} is not disputed; it is {stands.situation.state}")
        return Report(e.DisputeResolved(outcome=outcome), now)

    _tell(invoice, o.read_origin(actor, note), judge, f"dispute {outcome}")


def promise(
    invoice: o.Invoice,
    on: Annotated[str, typer.Option("--on", help="The day by which it will be paid.", show_default=False)],
    amount: Annotated[
        str | None, typer.Option("--amount", help="How much; all that is open if left out.")
    ] = None,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Take note of a promise to pay: reminders wait for that day."""

    def judge(stands: Standing, now: datetime) -> Report:
        _refuse_closed(stands, "promise")
        by = o.read_coming_day("--on", on, stands.situation.zone, now)
        balance, currency = stands.facts.balance, stands.facts.currency
        promised = o.read_amount(amount, currency) if amount else balance
        if promised > balance:
            raise Refusal(
                f"{amount} is more than is open: {stands.number} has {money(balance, currency)} open"
            )
        return Report(e.PromiseMade(amount=promised, by=by), now)

    _tell(invoice, o.read_origin(actor, note), judge, f"promise until {on} noted")


def escalate(
    invoice: o.Invoice,
    stage: Annotated[str | None, typer.Option("--stage", help="The stage; the next one if left out.")] = None,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Move an invoice to a later stage: its first step comes in the next window, the later ones keep distance."""

    def judge(stands: Standing, now: datetime) -> Report:
        _refuse_closed(stands, "escalate")
        return Report(e.Escalated(stage=_later_stage(stands, stage)), now)

    _tell(invoice, o.read_origin(actor, note), judge, "escalated")


def cancel(
    invoice: o.Invoice, reason: o.Reason = o.UNSPECIFIED, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """Close an invoice that is not to be collected."""
    code = o.read_code("--reason", reason)

    def judge(stands: Standing, now: datetime) -> Report:
        _refuse_closed(stands, "cancel")
        return Report(e.Cancelled(reason=code), now)

    _tell(invoice, o.read_origin(actor, note), judge, "cancelled")


def _tell(invoice: str, origin: Origin, judge: Callable[[Standing, datetime], Report], done: str) -> None:
    after = with_ledger(lambda ledger: report(ledger, invoice, origin, judge))
    if after is None:
        say(f"{invoice}: told before under the id {origin.external_id}; nothing changed.")
        return
    open_now = "" if after.facts.closed else f", with {money(after.facts.balance, after.facts.currency)} open"
    say(f"{invoice}: {done}. It is {words(after.situation.state)}{open_now}.")


def _money(stands: Standing, amount: str, currency: str | None) -> tuple[Decimal, str]:
    known = stands.facts.currency
    if currency not in (None, known):
        raise Refusal(
            f"--currency: {stands.number} is in {known}, not in {currency}; say what was paid in {known}"
        )
    return o.read_amount(amount, known), known


def _when(stands: Standing, at: str | None, now: datetime) -> datetime:
    return o.read_instant("--at", at, stands.situation.zone, now) if at else now


def _refuse_closed(stands: Standing, act: str) -> None:
    if stands.facts.closed:
        raise Refusal(f"{stands.number} is closed as {stands.facts.closed}; there is nothing left to {act}")


def _later_stage(stands: Standing, wanted: str | None) -> str:
    stages, following = stands.situation.stages, stands.situation.next_stage
    if following is None:
        raise Refusal(f"{stands.number} stands in its last stage already; the stages are {', '.join(stages)}")
    if wanted is None:
        return following
    if wanted not in stages:
        raise Refusal(
            f"--stage: there is no stage {wanted!r}; the stages of its cadence are {', '.join(stages)}"
        )
    if stages.index(wanted) < stages.index(following):
        raise Refusal(f"--stage: {stands.number} is past {wanted}; the next stage is {following}")
    return wanted
