"""Foreseeing: which messages ahead of a customer a cap will hold back, as things stand, and until when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from heapq import heapify, heappop, heappush

from cadence.agenda import SEND_KIND, AgendaItem
from cadence.caps import Contact, Room, room
from cadence.document import Cadence
from cadence.facts import step_key
from cadence.permit import is_capped, rank
from cadence.rules import Rules
from cadence.words import Channel

_SENDS = frozenset(SEND_KIND.values())
# What will be skipped when its time comes, as things stand, reaches nobody.
_NOT_SAID = ("condition", "condition_failed")


@dataclass(frozen=True, slots=True)
class CapForeseen:
    """The rule that will defer a message, until when (aware instant), and the rule's words and source."""

    rule: str
    until: datetime
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Said:
    """A contact that there was, and for what: the invoice, by our id, and the `step_key` of its step."""

    contact: Contact
    invoice: int
    step: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """What one open invoice of a customer, by our id, has on its agenda, and what that is judged by."""

    invoice: int
    items: Iterable[AgendaItem]
    cadence: Cadence
    rules: Rules
    due_on: date

    @property
    def capped(self) -> list[AgendaItem]:
        """The messages that some cap counts, in their order."""
        said = (each for each in self.items if each.kind in _SENDS and each.why not in _NOT_SAID)
        return [each for each in said if is_capped(each, self.rules)]


@dataclass(order=True, slots=True)
class _Turn:
    """The next message of an invoice and when it asks to leave; of several, those with more to say come first."""

    at: datetime
    more: tuple[int, ...]
    invoice: int
    item: AgendaItem = field(compare=False)
    rest: list[AgendaItem] = field(compare=False)
    ahead: Ahead = field(compare=False)
    rule: str | None = field(compare=False, default=None)


def caps_ahead(ahead: Iterable[Ahead], said: Sequence[Said]) -> Mapping[tuple[int, str], CapForeseen]:
    """The caps that will defer messages of one customer, by our ids of the invoices and the items' keys; none is moved.

    The agendas of all their invoices are played through in time, after what the person was told so far (`said`): each
    message takes its place where there is room, and one that finds none asks again when there is.
    """
    play, found = _Play(said), dict[tuple[int, str], CapForeseen]()
    queue = [turn for each in ahead if (turn := _first(each))]
    heapify(queue)
    while queue:
        turn = heappop(queue)
        leaves = play.leaves(turn)
        if leaves.rule is not None:
            turn.at, turn.rule = leaves.at, leaves.rule
            heappush(queue, turn)
            continue
        if turn.rule is not None:
            found[turn.invoice, turn.item.key] = _foreseen(turn.rule, turn.at, turn.ahead.rules)
        if turn.rest:
            heappush(queue, _turn(turn.ahead, turn.rest, turn.at))
    return found


def _first(ahead: Ahead) -> _Turn | None:
    messages = ahead.capped
    return _turn(ahead, messages, messages[0].at) if messages else None


def _turn(ahead: Ahead, messages: list[AgendaItem], not_before: datetime) -> _Turn:
    item, *rest = messages
    more = tuple(-each for each in rank(ahead.cadence, item.step or "", ahead.due_on))
    return _Turn(max(item.at, not_before), more, ahead.invoice, item, rest, ahead)


class _Play:
    """What the person will have been told by then."""

    def __init__(self, said: Sequence[Said]) -> None:
        self.said = said
        self.before: list[Contact] = []
        self.together: set[tuple[datetime, Channel, str]] = set()
        self.rooms: dict[tuple[int, Channel, datetime, int], Room] = {}

    def leaves(self, turn: _Turn) -> Room:
        """When a message leaves: now, and then it is a contact, or later by a rule."""
        assert turn.item.channel is not None, "a contact is by a channel"
        company = _company(turn)
        if company in self.together:
            return Room(turn.at)  # in one message with another's
        found = self._room(turn, turn.item.channel)
        if found.rule is None:
            self.before.append(Contact(turn.at, turn.item.channel))
            if company is not None:
                self.together.add(company)
        return found

    def _room(self, turn: _Turn, channel: Channel) -> Room:
        met = [each.contact for each in self.said if not _is_of(each, turn)]
        # Of a hundred invoices that wait for the same morning, one is worked out.
        alike = id(turn.ahead.rules), channel, turn.at, len(self.before)
        if len(met) == len(self.said) and alike in self.rooms:
            return self.rooms[alike]
        rules = turn.ahead.rules
        found = room(rules.law.limits, [*met, *self.before], channel, turn.at, rules.window)
        if len(met) == len(self.said):
            self.rooms[alike] = found
        return found


def _company(turn: _Turn) -> tuple[datetime, Channel, str] | None:
    """With what a message will probably leave as one (`group_by: customer`): what goes to the same contact then."""
    step = turn.ahead.cadence.step(turn.item.step or "")
    if turn.ahead.cadence.group_by is None or step is None or step.send is None or turn.item.channel is None:
        return None
    return turn.at, turn.item.channel, step.send.to


def _is_of(said: Said, turn: _Turn) -> bool:
    """Whether it was an earlier attempt at this very message: retried, it is one contact."""
    item = turn.item
    name = item.step and step_key(item.step, item.occurrence)
    return (said.invoice, said.step, said.contact.channel) == (turn.invoice, name, item.channel)


def _foreseen(rule: str, until: datetime, rules: Rules) -> CapForeseen:
    law = rules.law.rule(rule)
    assert law is not None, "a limit comes from a rule"
    return CapForeseen(rule, until, law.text, law.source)
