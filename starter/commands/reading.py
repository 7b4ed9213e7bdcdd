"""Commands that read: the list of invoices, one invoice's story, who is contacted next, and what was sent."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cadence.facts import State
from ledger import queries
from ledger.views import InvoiceStory, MessageLine, MessageSeen, UpcomingContact
from starter.commands import options as o
from starter.printing import as_json, local, money, say, table
from starter.session import Refusal, wall_clock, with_engine

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
         money(line.balance, line.currency), line.next_kind, local(line.next_at, UTC_ZONE))
        for line in lines
    ]  # fmt: skip
    table(f"{len(rows)} invoices", headings, rows)


def show(invoice: o.Invoice, json: o.Json = False) -> None:
    """Tell the whole story of an invoice: what happened, what was sent, what comes next, and why."""
    story = with_engine(lambda engine: queries.show_invoice(engine, invoice))
    if json:
        as_json(story)
        return
    _print_story(story)


def agenda(days: Days = 7, json: o.Json = False) -> None:
    """Say who is contacted in the next days, when on their own clock, by what, and why then."""
    until = wall_clock() + timedelta(days=days)
    contacts = with_engine(lambda engine: queries.upcoming(engine, until))
    if json:
        as_json(contacts)
        return
    headings = ("day", "time", "zone", "customer", "invoice", "step", "channel", "balance", "why")
    table(f"{len(contacts)} messages in the next {days} days", headings, map(_contact, contacts))


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
        contact.step, contact.channel, money(contact.balance, contact.currency), contact.why,
    )  # fmt: skip


def _print_story(story: InvoiceStory) -> None:
    line, customer, zone = story.invoice, story.customer, ZoneInfo(story.customer.zone)
    say(
        f"{line.number}: {line.state}, {money(line.balance, line.currency)} of {money(line.amount, line.currency)} open"
    )
    say(f"due on {line.due_on}; paid {story.paid}, credited {story.credited}")
    say(
        f"{customer.key} {customer.name}, {customer.segment}, {customer.language}, {customer.country}, {customer.zone}"
    )
    for channel, reason in customer.suppressed.items():
        say(f"not by {channel}: {reason}")
    say(f"cadence {line.cadence}, version {line.cadence_version}; times are the customer's")
    events = [
        (
            local(each.at, zone),
            each.type,
            _details(each.payload),
            each.state,
            each.actor,
            each.source,
            each.note,
        )
        for each in story.events
    ]
    table("\nWhat happened", ("at", "event", "details", "state", "by", "through", "note"), events)
    _print_messages(list(story.messages))
    ahead = [(local(each.at, zone), each.kind, each.step, each.channel, each.why) for each in story.agenda]
    table("\nWhat comes next", ("at", "what", "step", "channel", "why"), ahead)
    for case in story.cases:
        say(f"case {case.id}: {case.status} in {case.queue}, {case.reason} {case.claimed_by or ''}")
    for reply in story.replies:
        say(f"reply by {reply.channel} at {local(reply.at, zone)}: {reply.body}")


def _details(payload: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in payload.items() if value not in (None, "", {}))


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
        (str(line.id), line.reference, line.invoice, f"{line.step}/{line.occurrence}", line.channel, line.language,
         local(line.attempts[-1].began_at, UTC_ZONE) if line.attempts else "", _attempts(line), line.delivery)
        for line in lines
    ]  # fmt: skip
    table(f"\n{len(rows)} messages", headings, rows)


def _attempts(line: MessageLine) -> str:
    return ", ".join(f"{each.state} {each.code or ''}".strip() for each in line.attempts)


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
