"""Commands that read: the list of invoices, one invoice's story, who is contacted next, and what was sent."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cadence.facts import State
from ledger import coming, queries
from ledger.views import MessageLine, MessageSeen, UpcomingContact
from starter.commands import options as o
from starter.printing import as_json, counted, local, money, say, table
from starter.session import Refusal, wall_clock, with_engine, with_ledger
from starter.storytelling import attempts_of, print_story, reason_of, sent_at, step_of

Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]
StateOption = Annotated[State | None, typer.Option("--state", help="Only invoices in this state.")]
Segment = Annotated[str | None, typer.Option("--segment", help="Only this segment.")]
Customer = Annotated[
    str | None, typer.Option("--customer", help="Only this customer, by the creditor's key.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="How many days ahead.")]
UTC_ZONE = ZoneInfo("UTC")


def list_invoices(
    state: StateOption = None, segment: Segment = None, customer: Customer = None,
    limit: Limit = 500, json: o.Json = False,
) -> None:  # fmt: skip
    """List invoices, open ones first, the next due on top."""
    name = str(state) if state else None
    lines = with_engine(
        lambda engine: queries.list_invoices(
            engine, state=name, segment=segment, customer=customer, limit=limit
        )
    )
    if json:
        as_json(lines)
        return
    headings = ("invoice", "customer", "segment", "state", "due on", "balance", "next", "at (UTC)")
    rows = [
        (line.number, line.customer, line.segment, line.state, line.due_on,
         "" if line.closed_at else money(line.balance, line.currency), line.next_kind,
         local(line.next_at, UTC_ZONE))
        for line in lines
    ]  # fmt: skip
    table(counted(len(rows), "invoice"), headings, rows)


def show(invoice: o.Invoice, json: o.Json = False) -> None:
    """Tell the whole story of an invoice: what happened, what was sent, what comes next, and why."""
    story = with_ledger(lambda ledger: queries.show_invoice(ledger.engine, invoice, ledger.book))
    if json:
        as_json(story)
        return
    print_story(story)


def agenda(days: Days = 7, json: o.Json = False) -> None:
    """Say who is contacted in the next days, when on their own clock, by what, and why then."""
    until = wall_clock() + timedelta(days=days)
    contacts = with_ledger(lambda ledger: coming.upcoming(ledger.engine, until, ledger.book))
    if json:
        as_json(contacts)
        return
    headings = ("day", "time", "zone", "customer", "invoice", "step", "channel", "balance", "why")
    title = f"{counted(len(contacts), 'message')} in the next {counted(days, 'day')}"
    table(title, headings, map(_contact, contacts))


def messages(
    invoice: Annotated[
        str | None, typer.Argument(help="The creditor's number; all invoices if left out.")
    ] = None,
    body: Annotated[
        str | None, typer.Option("--body", help="Show one message, by its id or reference.")
    ] = None,
    limit: Limit = 100,
    json: o.Json = False,
) -> None:
    """List the messages, the latest first; or show one as the customer saw it."""
    if body is not None and invoice is not None:
        raise Refusal("say either an invoice or --body: --body shows one message by its id")
    if body is not None:
        seen = with_engine(lambda engine: queries.message(engine, body))
        as_json(seen) if json else _print_message(seen)
        return
    lines = with_engine(lambda engine: queries.messages(engine, invoice, limit=limit))
    as_json(lines) if json else _print_messages(lines)


def _contact(contact: UpcomingContact) -> tuple[object, ...]:
    at = contact.local_at
    return (
        at.strftime("%a %Y-%m-%d"), at.strftime("%H:%M"), contact.zone, contact.customer, contact.invoice,
        contact.step, contact.channel, money(contact.balance, contact.currency), reason_of(contact, ZoneInfo(contact.zone)),
    )  # fmt: skip


def _print_messages(lines: list[MessageLine]) -> None:
    headings = (
        "id",
        "reference",
        "invoice",
        "step",
        "channel",
        "language",
        "sent (UTC)",
        "attempts",
        "delivery",
    )
    rows = [
        (str(line.id), line.reference, line.invoice, step_of(line.step, line.occurrence), line.channel,
         line.language, sent_at(line, UTC_ZONE), attempts_of(line), line.delivery)
        for line in lines
    ]  # fmt: skip
    table(counted(len(rows), "message"), headings, rows)


def _print_message(seen: MessageSeen) -> None:
    if seen.body is None:
        say(f"message {seen.id} ({seen.channel}) was not written yet: it never came to an attempt")
        return
    say(
        f"to {seen.address} by {seen.channel}, {seen.template} in {seen.language}, reference {seen.reference}"
    )
    if seen.subject:
        say(f"subject: {seen.subject}")
    say(f"\n{seen.body}")
