"""Prints one invoice's story: how it stands, what happened, what was sent and what comes next, on one clock."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from cadence.appropriation import PartStands
from cadence.customer_facts import Preference
from ledger.views import AgendaLine, CaseLine, CustomerCard, EventLine, InvoiceStory, MessageLine
from starter.details import details
from starter.printing import counted, local, money, say, table, words

# The story is wide enough for a usual screen; what is longer goes on in the next line of its column.
WIDTH = 120
UNLESS = "skipped unless its condition comes true"


def print_story(story: InvoiceStory) -> None:
    """Print the whole story; every instant is the customer's own time."""
    line, zone = story.invoice, ZoneInfo(story.customer.zone)
    say(f"{line.number}: {_stand(story, zone)}")
    paid, credited = money(story.paid, line.currency), money(story.credited, line.currency)
    say(f"due on {line.due_on}; paid {paid}, credited {credited}")
    print_parts(story.parts, line.currency)
    if story.references:
        say("; ".join(f"{words(each.kind)} {each.value}" for each in story.references))
    say(f"workflow {story.workflow_id}; cadence {line.cadence}, version {line.cadence_version}")
    print_customer(story.customer, zone)
    _print_events(story.events, line.currency, zone)
    _print_messages(story.messages, zone)
    _print_agenda(story.agenda, zone)
    _print_cases(story.cases, zone)
    rows = [
        (local(each.at, zone), each.channel, words(each.intent or ""), each.body) for each in story.replies
    ]
    if rows:
        table("\nWhat the customer wrote", ("at", "channel", "reads as", "text"), rows, pipe_width=WIDTH)


def print_parts(parts: Sequence[PartStands], currency: str) -> None:
    """Print what money has settled of costs, interest and principal, the first it settles on top; nothing if unclaimed."""
    rows = [
        (each.part, *(money(amount, currency) for amount in (each.asked, each.settled, each.open)))
        for each in parts
    ]
    if rows:
        table("late charges are claimed; money settles", ("part", "asked", "settled", "open"), rows)


def step_of(step: str, occurrence: int) -> str:
    """A step, and its turn where it is not the first."""
    return step if occurrence == 1 else f"{step}/{occurrence}"


def sent_at(line: MessageLine, zone: ZoneInfo) -> str:
    """When the last attempt at a message began, on the clock of `zone`; empty where there was none."""
    return local(line.attempts[-1].began_at, zone) if line.attempts else ""


def attempts_of(line: MessageLine) -> str:
    """What became of each attempt at a message."""
    return ", ".join(f"{each.state} {each.code or ''}".strip() for each in line.attempts)


def _stand(story: InvoiceStory, zone: ZoneInfo) -> str:
    line = story.invoice
    amount, balance = money(line.amount, line.currency), money(line.balance, line.currency)
    if line.closed_at is None:
        return f"{words(line.state)}, {balance} of {amount} open"
    unpaid = f", {balance} of it never paid" if line.balance else ""
    return f"closed as {words(line.state)} on {local(line.closed_at, zone)}, {amount}{unpaid}"


def preferred(wish: Preference) -> str:
    """How a customer wants to be reached, as people read it; empty where they stated nothing."""
    by = f"by {' or '.join(wish.channels)}" if wish.channels is not None else None
    on = f"on {', '.join(wish.days)}" if wish.days is not None else None
    return " ".join(filter(None, (by, on, wish.hours)))


def print_customer(customer: CustomerCard, zone: ZoneInfo) -> None:
    """Print who owes, and how they may be reached; instants are on the clock of `zone`."""
    where = ", ".join(
        filter(None, (customer.segment, customer.language, customer.country, customer.subdivision))
    )
    say(f"customer {customer.key} {customer.name}, {where}")
    for reason in customer.forbidden:
        say(f"not to be contacted: {words(reason)}")
    for channel, reason in customer.suppressed.items():
        say(f"not by {channel}: {words(reason)}")
    if wish := preferred(customer.preference):
        say(f"prefers {wish}")
    for given in customer.consents:
        gone = "" if given.holds else " (at an address that was theirs before)"
        say(f"agreed to {given.channel}: wording {given.wording}, on {local(given.proof_at, zone)}{gone}")
    assumed = ", assumed: tell their timezone, or only the hours that suit each clock of the country are used"
    say(f"all times are the customer's, {customer.zone}{assumed if customer.zone_assumed else ''}")


def _print_events(events: Sequence[EventLine], currency: str, zone: ZoneInfo) -> None:
    headings = ["at", "event", "details", "state", "by", "note"]
    rows = [
        [local(each.at, zone), words(each.type), details(each.payload, currency, zone), words(each.state or ""),
         f"{each.actor}, {each.source}", each.note]
        for each in events
    ]  # fmt: skip
    noted = any(each.note for each in events)
    table("\nWhat happened", headings[: 5 + noted], [row[: 5 + noted] for row in rows], pipe_width=WIDTH)


def _print_messages(lines: Sequence[MessageLine], zone: ZoneInfo) -> None:
    headings = ("sent", "reference", "step", "channel", "language", "attempts", "delivery")
    rows = [
        (sent_at(line, zone), line.reference, step_of(line.step, line.occurrence), line.channel, line.language,
         attempts_of(line), line.delivery)
        for line in lines
    ]  # fmt: skip
    table(f"\n{counted(len(rows), 'message')}", headings, rows, pipe_width=WIDTH)


def _print_agenda(agenda: Sequence[AgendaLine], zone: ZoneInfo) -> None:
    rows = [
        (local(each.at, zone), words(each.kind), each.step, each.channel, reason_of(each, zone))
        for each in agenda
    ]
    title = "\nWhat comes next" if rows else "\nNothing comes next."
    table(title, ("at", "what", "step", "channel", "why"), rows, pipe_width=WIDTH)


def reason_of(line: AgendaLine, zone: ZoneInfo) -> str:
    """Why an item is ahead then, and which cap will probably defer it until when, on the clock of `zone`."""
    why = UNLESS if line.why == "condition" else words(line.why)
    cap = line.cap_foreseen
    return why if cap is None else f"{why}; {cap.rule} will defer it to {local(cap.until, zone)}"


def _print_cases(cases: Sequence[CaseLine], zone: ZoneInfo) -> None:
    rows = [
        (
            str(case.id),
            case.queue,
            words(case.reason),
            case.status,
            case.claimed_by,
            local(case.opened_at, zone),
        )
        for case in cases
    ]
    if rows:
        table("\nCases", ("case", "queue", "reason", "status", "by", "opened"), rows, pipe_width=WIDTH)
