"""Grouping: reminders of one customer that fall due together leave as one message (`group_by: customer`).

One invoice carries the message: the one at the most advanced stage, of those the oldest due. The others are listed
in it. Whoever asks for a permit holds the customer's row, so no two can carry at once.
"""

from dataclasses import dataclass, replace

from sqlalchemy import insert, select

from cadence.account import SEVERAL, OpenItem
from cadence.agenda import SEND_KIND, AgendaItem
from cadence.disputes import asked
from cadence.facts import StepFacts
from cadence.permit import Answer, Verdict, rank
from cadence.recipients import recipients
from cadence.sends import Send
from cadence.timing import blocked_until
from cadence.words import Channel
from ledger.judging import may_leave
from ledger.ranking import GROUPED, OUTRANKED, PATIENCE, has_waited, judged_as_due, outranked
from ledger.references import quoted
from ledger.tables import attempts, invoices, listed, messages
from ledger.unit import Held, Unit

_Place = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Companion:
    """An invoice of the same customer, whose step is said by the carrier's message."""

    held: Held
    step: str
    occurrence: int

    @property
    def record(self) -> StepFacts:
        """What is known of its step."""
        return self.held.facts.step(self.step, self.occurrence)


async def gathered(unit: Unit, held: Held, verdict: Verdict) -> tuple[Verdict, tuple[Companion, ...]]:
    """The verdict on a message, and the invoices that go along with it; or a deferral of two minutes.

    It waits while another message that lists it is under way, and once for an invoice that has more to say: to carry
    it, or to go first where a cap has room for one of the two.
    """
    found, along = await _in_company(unit, held, verdict)
    if found.answer is not Answer.PERMIT or found.item is None:
        return found, along
    if await outranked(unit, held, found.item, frozenset(each.held.id for each in along)):
        return _waiting(unit, found, OUTRANKED), ()
    return found, along


def _waiting(unit: Unit, verdict: Verdict, reason: str) -> Verdict:
    return replace(verdict, answer=Answer.DEFER, reason=reason, until=unit.now + PATIENCE)


async def _in_company(unit: Unit, held: Held, verdict: Verdict) -> tuple[Verdict, tuple[Companion, ...]]:
    item = verdict.item
    groups = item is not None and _groups(unit, held, item)
    if item is None or not (groups or held.facts.moved_on):
        return verdict, ()
    wait = _waiting(unit, verdict, GROUPED)
    under_way = await _under_way(unit)
    carrier = Companion(held, item.step or "", item.occurrence)
    if _place(carrier) in under_way or (held.facts.moved_on and held.id in {of for of, _, _ in under_way}):
        return wait, ()
    if not groups:
        return verdict, ()
    await unit.hold_invoices(None)
    others = [other for _, other in sorted(unit.held.items()) if other is not held]
    joining = [found for other in others if (found := await _joining(unit, carrier, item, other))]
    joining = [each for each in joining if _place(each) not in under_way]
    first = max([carrier, *joining], key=_precedence)
    if first is not carrier and not has_waited(carrier.record):
        return wait, ()
    return verdict, (*joining, *await _spoken_for(unit, carrier, item))


def _groups(unit: Unit, held: Held, item: AgendaItem) -> bool:
    """Whether a message may speak of several invoices: a reminder of the ruler, by a channel that has a text for it."""
    if held.cadence.group_by is None or item.step is None or held.cadence.step(item.step) is None:
        return False
    if item.channel is not Channel.WHATSAPP:
        return True
    assert item.send is not None, "a message carries its document"
    content = unit.creditor.whatsapp.content if unit.creditor.whatsapp else {}
    return recipients(item.send, item.channel, unit.customer_facts).to.language in content.get(SEVERAL, {})


def _place(companion: Companion) -> _Place:
    return companion.held.id, companion.step, companion.occurrence


def _precedence(companion: Companion) -> tuple[int, int, int]:
    """As invoices rank, and of those that are alike the lower id first."""
    held = companion.held
    return *rank(held.cadence, companion.step, held.facts.due_on), -held.id


async def _under_way(unit: Unit) -> set[_Place]:
    """The steps of the customer's invoices that a message under way lists: it may yet speak for them."""
    live = (attempts.c.state == "calling") | (
        (attempts.c.state == "reserved") & (attempts.c.lease_until > unit.now)
    )
    found = await unit.connection.execute(
        select(listed.c.invoice_id, listed.c.step, listed.c.occurrence)
        .join_from(listed, attempts)
        .join(invoices, invoices.c.id == listed.c.invoice_id)
        .where(invoices.c.customer_id == unit.customer["id"], live)
    )
    return {(row.invoice_id, row.step, row.occurrence) for row in found}


async def _joining(unit: Unit, carrier: Companion, with_item: AgendaItem, other: Held) -> Companion | None:
    """The invoice as a companion, where its next item is a reminder that might leave now, just as the carrier's."""
    told = other.directive.item
    channel = with_item.channel
    assert channel is not None, "a message goes by a channel"
    if told is None or told.kind is not SEND_KIND[channel] or not unit.rules(other).window.is_open(unit.now):
        return None
    verdict = await judged_as_due(unit, other, told.key)
    item = verdict.item
    if verdict.answer is not Answer.PERMIT or item is None or not _groups(unit, other, item):
        return None
    found = Companion(other, item.step or "", item.occurrence)
    # What has gone out, or may have, is its own to follow up.
    if found.record.outcome or channel in found.record.messages or not _alike(carrier, found, item):
        return None
    if item.send and with_item.send and not _for_the_same(item.send, with_item.send):
        return None
    return found if (await may_leave(unit, other, verdict, halted=False)).answer is Answer.PERMIT else None


def _for_the_same(send: Send, with_send: Send) -> bool:
    """Whether the other message goes to the same contact, and brings all that this one was to bring to all it names."""
    brings = send.attach in (None, with_send.attach) and set(send.cc) <= set(with_send.cc)
    return send.to == with_send.to and brings


def _alike(carrier: Companion, other: Companion, item: AgendaItem) -> bool:
    """Whether one text can speak of both: short ones tell one sum of money."""
    by_mail = item.channel is Channel.EMAIL
    return by_mail or carrier.held.facts.currency == other.held.facts.currency


async def _spoken_for(unit: Unit, carrier: Companion, item: AgendaItem) -> list[Companion]:
    """What the step's earlier channel listed, and is still to be said: a fallback lists it again."""
    if not carrier.record.messages:
        return []
    before = await unit.connection.execute(
        select(listed.c.invoice_id, listed.c.step, listed.c.occurrence, messages.c.reference)
        .join_from(listed, attempts)
        .join(messages)
        .where(
            messages.c.invoice_id == carrier.held.id,
            messages.c.step == carrier.step,
            messages.c.occurrence == carrier.occurrence,
        )
        .order_by(listed.c.invoice_id)
        .distinct()
    )
    found = [
        (Companion(unit.held[row.invoice_id], row.step, row.occurrence), row.reference)
        for row in before
        if row.invoice_id in unit.held
    ]
    return [
        each
        for each, reference in found
        if (each.record.outcome, each.record.into) == ("merged", reference)
        and _still_asks(unit, each.held)
        and _alike(carrier, each, item)
    ]


def _still_asks(unit: Unit, held: Held) -> bool:
    return held.facts.closed is None and blocked_until(held.facts, held.cadence, unit.rules(held)) is None


async def list_them(unit: Unit, attempt_id: str, companions: tuple[Companion, ...]) -> None:
    """Write down what an attempt's message speaks of beside its own invoice."""
    rows = [
        {
            "attempt_id": attempt_id,
            "invoice_id": each.held.id,
            "step": each.step,
            "occurrence": each.occurrence,
            "due_on": each.held.facts.due_on,
            "balance": asked(each.held.facts, each.held.cadence),
            "currency": each.held.facts.currency,
        }
        for each in companions
    ]
    if rows:
        await unit.connection.execute(insert(listed).values(rows))


async def open_items(unit: Unit, held: Held, companions: tuple[Companion, ...]) -> tuple[OpenItem, ...]:
    """All that a message speaks of, the oldest due first; nothing, where it is the one invoice alone."""
    if not companions:
        return ()
    items = [await open_item(unit, each) for each in (held, *(each.held for each in companions))]
    return tuple(sorted(items, key=lambda each: (each.due_on, each.number)))


async def open_item(unit: Unit, held: Held) -> OpenItem:
    """A locked invoice as a list of open items shows it."""
    facts = held.facts
    return OpenItem(
        held.row["number"], facts.due_on, asked(facts, held.cadence), facts.currency, await quoted(unit, held)
    )
