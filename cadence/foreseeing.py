"""Foreseeing: which messages ahead of an invoice a cap will hold back, as things stand, and until when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadence.agenda import SEND_KIND, AgendaItem
from cadence.caps import Contact, room
from cadence.facts import step_key
from cadence.permit import is_capped
from cadence.rules import Rules

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
    """A contact that there was, and for what: `step_key` of a step of the invoice in question, None for another's."""

    contact: Contact
    of: str | None = None


def caps_ahead(items: Iterable[AgendaItem], said: Sequence[Said], rules: Rules) -> Mapping[str, CapForeseen]:
    """The caps that will defer items of one invoice's agenda, by the items' keys; no item is moved.

    An item meets what the person was told so far and what comes before it on this agenda, each of that at the instant
    at which it will probably leave. What other invoices have ahead is not known here.
    """
    found: dict[str, CapForeseen] = {}
    before: list[Contact] = []
    for item in items:
        if item.kind not in _SENDS or item.channel is None or item.why in _NOT_SAID:
            continue
        if not is_capped(item, rules):
            continue
        met = [*(each.contact for each in said if not _is_of(each, item)), *before]
        leaves = room(rules.law.limits, met, item.channel, item.at, rules.window)
        if leaves.rule is not None:
            found[item.key] = _foreseen(leaves.rule, leaves.at, rules)
        before.append(Contact(leaves.at, item.channel))
    return found


def _is_of(said: Said, item: AgendaItem) -> bool:
    """Whether it was an earlier attempt at this very message: retried, it is one contact."""
    name = item.step and step_key(item.step, item.occurrence)
    return said.of is not None and (said.of, said.contact.channel) == (name, item.channel)


def _foreseen(rule: str, until: datetime, rules: Rules) -> CapForeseen:
    law = rules.law.rule(rule)
    assert law is not None, "a limit comes from a rule"
    return CapForeseen(rule, until, law.text, law.source)
