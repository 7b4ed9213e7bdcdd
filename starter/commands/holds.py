"""Commands that make the ruler wait and go on: for one invoice, one customer, or a whole channel."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

import typer

from cadence import events as e
from ledger.halting import halt as halt_sending
from ledger.halting import halts
from ledger.halting import unhalt as unhalt_sending
from ledger.unit import Origin
from starter import acts
from starter.commands import options as o
from starter.printing import as_json, counted, say, table
from starter.session import Refusal, wall_clock, with_engine, with_ledger
from starter.standing import CustomerStanding, Report, Standing, report, report_customer

MaybeInvoice = Annotated[str | None, typer.Argument(help="The creditor's own number of the invoice.")]
Customer = Annotated[
    str | None, typer.Option("--customer", help="The creditor's key of a customer, for all invoices.")
]
Until = Annotated[
    str | None, typer.Option("--until", help="The last day of the pause; without it somebody resumes.")
]
Everything = Annotated[bool, typer.Option("--all", help="All sending.")]
Channel = Annotated[str | None, typer.Option("--channel", help="email, sms or whatsapp.")]
Segment = Annotated[str | None, typer.Option("--segment", help="A segment of customers.")]


def pause(
    invoice: MaybeInvoice = None, customer: Customer = None, until: Until = None,
    reason: o.Reason = o.UNSPECIFIED, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Send no reminders for an invoice, or for a customer, until the end of a day or until somebody resumes."""
    code, origin = o.read_code("--reason", reason), o.read_origin(actor, note)
    day = o.read_date("--until", until) if until else None
    one, key = _one_of(invoice, customer)
    if one:
        _tell(one, origin, lambda stands, now: acts.pause(stands, now, until=day, reason=code))
        say(f"{one}: paused {_to(until)}.{'' if until else ' A case was opened.'}")
        return
    stands = _tell_customer(
        key, origin, lambda stands, now: acts.pause_customer(stands, now, until=day, reason=code)
    )
    paused = stands.open_invoices
    cases = "" if until or not paused else " A case was opened for each that is open."
    which = counted(paused, "open invoice") if paused else "no open invoice"
    say(f"{key}: paused {_to(until)}: {which} now, and those that come meanwhile.{cases}")


def resume(
    invoice: MaybeInvoice = None, customer: Customer = None, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """End the pause of an invoice, or of a customer: the ruler goes on."""
    origin = o.read_origin(actor, note)
    one, key = _one_of(invoice, customer)
    if one:
        _tell(one, origin, acts.resume)
    else:
        _tell_customer(key, origin, acts.resume_customer)
    say(f"{one or key}: resumed.")


def halt(
    everything: Everything = False, channel: Channel = None, segment: Segment = None,
    reason: o.Reason = o.UNSPECIFIED, actor: o.Actor = o.ACTOR, json: o.Json = False,
) -> None:  # fmt: skip
    """Stop sending at once: all of it, a channel or a segment. Without any of them, list what is halted."""
    if not everything and channel is None and segment is None and reason == o.UNSPECIFIED:
        _list_halts(json)
        return
    scope, value = _switch(everything, channel, segment)
    code, who = o.read_code("--reason", reason), o.read_line("--actor", actor)
    new = with_engine(lambda engine: halt_sending(engine, scope, value, who, code, wall_clock()))
    say(f"{'Halted' if new else 'Halted already'}: {_named(scope, value)}.")


def unhalt(
    everything: Everything = False, channel: Channel = None, segment: Segment = None, actor: o.Actor = o.ACTOR
) -> None:
    """Let sending go on, today where the window is still open."""
    scope, value = _switch(everything, channel, segment)
    who = o.read_line("--actor", actor)
    moved = with_ledger(lambda ledger: unhalt_sending(ledger, scope, value, who, wall_clock()))
    on = f" {counted(moved, 'invoice')} that waited for it can go on." if moved else ""
    say(f"No longer halted: {_named(scope, value)}.{on}")


def _named(scope: str, value: str) -> str:
    return "everything" if scope == "all" else f"the {scope} {value}"


def _to(until: str | None) -> str:
    return f"to the end of {until}" if until else "until somebody resumes"


def _list_halts(json: bool) -> None:
    found = with_engine(halts)
    if json:
        as_json(found)
    elif found:
        rows = [
            (_named(halt.scope, halt.value), halt.at.strftime("%Y-%m-%d %H:%M"), halt.actor, halt.reason)
            for halt in found
        ]
        table("Halted", ("what", "since (UTC)", "by", "reason"), rows)
    else:
        say("Nothing is halted.")


def _switch(everything: bool, channel: str | None, segment: str | None) -> tuple[str, str]:
    named = [("all", "all")] if everything else []
    named += [
        (scope, value) for scope, value in (("channel", channel), ("segment", segment)) if value is not None
    ]
    if len(named) != 1:
        raise Refusal("say which: exactly one of --all, --channel NAME and --segment NAME")
    return named[0]


def _one_of(invoice: str | None, customer: str | None) -> tuple[str, str]:
    """An invoice's number or a customer's key; the other is empty."""
    if bool(invoice) == bool(customer):
        raise Refusal("say which: the number of an invoice, or --customer with a customer's key")
    return invoice or "", customer or ""


def _tell(invoice: str, origin: Origin, judge: Callable[[Standing, datetime], Report]) -> None:
    with o.named_options():
        with_ledger(lambda ledger: report(ledger, invoice, origin, judge, wall_clock()))


def _tell_customer(
    key: str, origin: Origin, judge: Callable[[CustomerStanding, datetime], Sequence[e.CustomerEvent]]
) -> CustomerStanding:
    with o.named_options():
        return with_ledger(lambda ledger: report_customer(ledger, key, origin, judge, wall_clock()))
