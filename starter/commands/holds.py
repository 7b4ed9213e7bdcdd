"""Commands that make the ruler wait and go on: for one invoice, one customer, or a whole channel."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import select

from cadence import events as e
from cadence.facts import CustomerFacts
from ledger.access import Ledger
from ledger.halting import halt as halt_sending
from ledger.halting import halts
from ledger.halting import unhalt as unhalt_sending
from ledger.keys import hold_key
from ledger.queries import open_invoices_of
from ledger.recording import record_customer
from ledger.unit import customers
from starter.commands import options as o
from starter.printing import as_json, counted, say, table
from starter.session import Refusal, wall_clock, with_engine, with_ledger
from starter.standing import Report, Standing, report

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

    def judge(stands: Standing, now: datetime) -> Report:
        if stands.facts.closed:
            raise Refusal(f"{stands.number} is closed as {stands.facts.closed}; there is nothing to pause")
        ends = _end(until, stands.situation.zone, now)
        return Report(
            e.HoldPlaced(hold=hold_key(stands.number, now.isoformat()), reason=code, until=ends), now
        )

    async def all_invoices(ledger: Ledger, key: str) -> int:
        customer_id, facts = await _customer(ledger, key)
        now = wall_clock()
        ends = _end(until, ZoneInfo(facts.zone), now)
        placed = e.CustomerHoldPlaced(hold=hold_key(key, now.isoformat()), reason=code, until=ends)
        await record_customer(ledger, customer_id, placed, origin, now)
        return await open_invoices_of(ledger.engine, customer_id)

    one, key = _one_of(invoice, customer)
    if one:
        with_ledger(lambda ledger: report(ledger, one, origin, judge))
        say(f"{one}: paused {_to(until)}.{'' if until else ' A case was opened.'}")
    else:
        paused = with_ledger(lambda ledger: all_invoices(ledger, key))
        cases = "" if until or not paused else " A case was opened for each that is open."
        which = counted(paused, "open invoice") if paused else "no open invoice"
        say(f"{key}: paused {_to(until)}: {which} now, and those that come meanwhile.{cases}")


def resume(
    invoice: MaybeInvoice = None, customer: Customer = None, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """End the pause of an invoice, or of a customer: the ruler goes on."""
    origin = o.read_origin(actor, note)

    def judge(stands: Standing, now: datetime) -> Report:
        if not stands.facts.holds:
            raise Refusal(f"{stands.number} is not paused; it is {stands.situation.state}")
        return Report(e.HoldEnded(), now)

    async def all_invoices(ledger: Ledger, key: str) -> None:
        customer_id, facts = await _customer(ledger, key)
        if not facts.holds:
            raise Refusal(f"customer {key} is not paused; `regua resume INVOICE` resumes one invoice")
        for hold in facts.holds:
            ended = e.CustomerHoldEnded(hold=hold.hold)
            await record_customer(ledger, customer_id, ended, origin, wall_clock())

    one, key = _one_of(invoice, customer)
    if one:
        with_ledger(lambda ledger: report(ledger, one, origin, judge))
    else:
        with_ledger(lambda ledger: all_invoices(ledger, key))
    say(f"{one or key}: resumed.")


def halt(
    everything: Everything = False, channel: Channel = None, segment: Segment = None,
    reason: o.Reason = o.UNSPECIFIED, actor: o.Actor = o.ACTOR, json: o.Json = False,
) -> None:  # fmt: skip
    """Stop sending at once: all of it, a channel or a segment. Without any of them, list what is halted."""
    if not everything and channel is None and segment is None:
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


def _end(until: str | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The end of a day where the customer is."""
    if until is None:
        return None
    day = o.read_coming_day("--until", until, zone, now)
    return datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)


async def _customer(ledger: Ledger, key: str) -> tuple[int, CustomerFacts]:
    customer_id = await ledger.customer_id(key)
    async with ledger.engine.connect() as connection:
        stored = await connection.execute(select(customers.c.facts).where(customers.c.id == customer_id))
    return customer_id, CustomerFacts.model_validate(stored.scalar_one())
