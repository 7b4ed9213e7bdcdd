"""Why, or why not? For every step of an invoice, past and to come: what becomes of it, by which rule, in its words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from cadence.agenda import Agenda, AgendaItem
from cadence.customer_facts import CustomerFacts
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, MessageFacts, StepFacts
from cadence.foreseeing import CapForeseen
from cadence.marks import Mark, marks
from cadence.recipients import NO_CONTACT, Recipients, recipients
from cadence.rules import Rules
from cadence.words import BILLING, Channel

Verdict = Literal[
    "sent", "merged", "performed", "failed", "skipped", "unknown", "planned", "deferred", "waiting"
]

# The planner's and the permit's own reasons; those of packs have their words in the pack.
WORDS: Mapping[str, str] = {
    "planned": "its day has its turn, when the send window opens",
    "fallback": "the channel before it failed",
    "silence": "the channel before it reported no delivery in time",
    "resend": "the provider's list does not hold the first one",
    "missed_step": "its day passed, and its policy is to ask a person (missed: ask)",
    "collapsed": "its day passed while a later step fell due as well, and only the latest is sent (missed: collapse)",
    "too_late": "its day passed longer ago than its policy allows (missed: skip_after)",
    "before_arrival": "its day had passed when the invoice arrived",
    "earlier_stage": "the invoice arrived at a later stage",
    "before_migration": "the invoice moved to this cadence when its day had passed, or past its stage",
    "escalated": "somebody moved the invoice to a later stage",
    "fallback_overtaken": "a later step spoke before its next channel could",
    "overtaken": "what it was to answer is over",
    "invoice_closed": "the invoice was closed before",
    "no_usable_channel": "no channel was left that reaches the customer; a person takes over",
    "all_channels_failed": "every channel failed; a person takes over",
    "delivery_unknown": "nobody knows whether the provider took it, and it is not sent twice",
    "condition": "its condition is not true",
    "condition_failed": "its condition could not be worked out",
    "grouped": "it goes with the customer's other invoices, in one message (group_by: customer)",
    "outranked": "another of the customer's invoices had more to say, and contact rules had no room for both",
    "spacing": "a customer hears one message a day, and no reminder on the day of an answer",
    "window_closed": "the cadence's send window was shut",
    "send_window": "the cadence's send window was shut",
    "halted": "sending was halted",
    "whatsapp_window_closed": "free text by WhatsApp is allowed for 24 hours after the customer wrote",
    "approval_needed": "it goes when a manager approves, who is asked then",
    "awaiting_approval": "it waits for a manager's yes or no, until its time is out",
    "approval_refused": "a manager said no",
    "approval_timed_out": "nobody said yes or no in time",
    "performed": "it was done",
    "sent": "the provider took it",
    "on_hold": "the invoice is on hold, and nobody said until when",
    "disputed": "the invoice is disputed, until somebody resolves that",
    "dispute_due": "the day has ended by which the dispute was to be answered",
    "on_plan": "a payment plan stands, which has reminders of its own",
    "instalment_day_passed": "its day passed before it could be said",
    "not_reached": "it waits for the step before it",
    "no_hour_is_left": "contact rules and the customer's own wish leave no hour for a contact",
    "customer-preference": "the customer asked to be contacted on other days or at other hours",
    "not_preferred": "the customer asked to be reached by other channels",
    "no_address": "no address is known",
    "opt_out": "the customer asked not to be written to by it",
    "complaint": "the customer complained about a message",
    "bad_address": "nothing arrives at the address",
    "recipient_limit": "the provider lets nothing more through to the address",
    "wrong_person": "the address is somebody else's",
    "whatsapp_not_attested": "the creditor has not attested its use of WhatsApp",
    "legal_cease": "the law or a lawyer ended all contact",
    "vulnerable": "the customer is vulnerable: only people speak to them",
    "deceased": "the customer has died",
    "minor": "the customer is a minor",
}


@dataclass(frozen=True, slots=True)
class Because:
    """What becomes of one step, when (aware instant, None while nobody knows), and the rule that decided.

    `rule` is a code, or the id of a contact rule; `words` says it, and `source` where a contact rule comes from.
    `cap_foreseen` is what will probably defer a message ahead once it asks to leave, on `at`.
    """

    step: str
    occurrence: int
    stage: str | None
    verdict: Verdict
    at: datetime | None
    channel: Channel | None
    rule: str
    words: str
    source: str | None = None
    cap_foreseen: CapForeseen | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that an explanation rests on: `agenda` as it is planned now, `unruled` as it would be without packs.

    `carriers` are the numbers of the invoices whose messages spoke of this one as well, by the messages' references;
    `caps` what will defer items of the agenda, by the items' keys.
    """

    facts: InvoiceFacts
    cadence: Cadence
    rules: Rules
    customer: CustomerFacts
    agenda: Agenda
    unruled: Agenda
    carriers: Mapping[str, str] = field(default_factory=dict)
    caps: Mapping[str, CapForeseen] = field(default_factory=dict)


def explain(known: Known) -> list[Because]:
    """Every step of the cadence and every notice, in the order of the ruler; a step that was re-armed more than once."""
    ruler = marks(known.facts, known.cadence, known.rules)
    on_ruler = {(mark.step.id, mark.occurrence) for mark in ruler}
    past = [
        _of_record(known, step, int(occurrence), None, record)
        for key, record in known.facts.steps.items()
        for step, _, occurrence in [key.rpartition("/")]
        if (step, int(occurrence)) not in on_ruler and record.outcome
    ]
    return [*past, *(each for mark in ruler for each in _of_mark(known, mark)), *_notices_ahead(known)]


def _of_mark(known: Known, mark: Mark) -> Iterator[Because]:
    if mark.record.outcome:
        yield _of_record(known, mark.step.id, mark.occurrence, mark.step.stage, mark.record)
    ahead = [item for item in known.agenda.items if _is_of(item, mark)]
    for item in ahead:
        if item.kind is not ItemKind.REMIND_APPROVAL:  # the end of its time says the same, and until when
            yield _of_item(known, item, mark.step.stage)
    if not mark.record.outcome and not ahead:
        yield _of_silence(known, mark)


def _is_of(item: AgendaItem, mark: Mark) -> bool:
    return (item.step, item.occurrence) == (mark.step.id, mark.occurrence)


def _of_record(known: Known, step: str, occurrence: int, stage: str | None, record: StepFacts) -> Because:
    assert record.outcome is not None, "only steps that are over have a record to tell"
    at = record.permitted_at or record.outcome_at
    channel = next(reversed(record.messages), None)
    rule = record.reason or record.outcome
    words = _merged(known, record.into) if record.into else _words(known, rule, step)
    if channel is not None:
        words = _with_recipients(words, _permitted_to(record.messages[channel]))
    return Because(step, occurrence, stage, record.outcome, at, channel, rule, *words)


def _merged(known: Known, reference: str) -> tuple[str, None]:
    invoice = known.carriers.get(reference, "another of the customer's")
    return (
        f"it was said in the message on invoice {invoice} ({reference}), which lists both (group_by: customer)",
        None,
    )


def _of_item(known: Known, item: AgendaItem, stage: str | None) -> Because:
    assert item.step is not None, "items of steps and notices name them"
    record = known.facts.step(item.step, item.occurrence)
    rule, verdict = _moved_by(known, item) or item.why, "planned"
    if item.kind is ItemKind.TIME_OUT_APPROVAL:
        rule, verdict = item.why, "waiting"
    if record.deferred_until and item.at >= record.deferred_until and record.deferred_reason:
        rule, verdict = record.deferred_reason, "deferred"
    words = _no_way(known, item.step) if rule == "no_usable_channel" else _words(known, rule, item.step)
    if item.send is not None and item.channel is not None:
        words = _with_recipients(
            words,
            _goes_to(
                recipients(
                    item.send, item.channel, known.customer, known.rules.consent_rules.get(item.channel)
                )
            ),
        )
    because = Because(item.step, item.occurrence, stage, verdict, item.at, item.channel, rule, *words)  # type: ignore[arg-type]
    return replace(because, cap_foreseen=known.caps.get(item.key))


def _moved_by(known: Known, item: AgendaItem) -> str | None:
    """The contact rule for which an item is later than its cadence alone would have it.

    Where it will not simply go (a condition, an approval, no channel), that says more than the hour.
    """
    if item.why != "planned":
        return None
    without = next((each for each in known.unruled.items if each.key == item.key), None)
    return known.rules.window.shut_by(without.at) if without and without.at < item.at else None


def _of_silence(known: Known, mark: Mark) -> Because:
    """A step that is open and on no agenda: passed over, settled by this very planning, or waiting for somebody."""
    step, facts = mark.step, known.facts
    settled = next(
        (s for s in known.agenda.settled if (s.step, s.occurrence) == (step.id, mark.occurrence)), None
    )
    if settled:
        words = _words(known, settled.reason, step.id)
        return Because(
            step.id,
            mark.occurrence,
            step.stage,
            settled.outcome,
            settled.planned_at,
            None,
            settled.reason,
            *words,
        )
    rule = (
        "invoice_closed" if facts.closed else str(facts.state) if str(facts.state) in WORDS else "not_reached"
    )
    verdict: Verdict = "skipped" if facts.closed else "waiting"
    return Because(
        step.id, mark.occurrence, step.stage, verdict, None, None, rule, *_words(known, rule, step.id)
    )


def _notices_ahead(known: Known) -> Iterator[Because]:
    for item in known.agenda.items:
        if item.step and known.cadence.step(item.step) is None and item.channel:
            yield _of_item(known, item, None)


def _no_way(known: Known, step_id: str) -> tuple[str, str | None]:
    """That no channel is left for a step ahead, and what closes each of its channels now."""
    step = known.cadence.step(step_id)
    closed = known.rules.closed_to(step.send.to if step and step.send else BILLING)
    ways = [channel for channel in (step.send.channels if step and step.send else ()) if channel in closed]
    reasons = [(channel, *_words(known, closed[channel], step_id)) for channel in ways]
    told = "; ".join(f"{channel}: {words.rstrip('.')}" for channel, words, _ in reasons)
    source = next((source for _, _, source in reasons if source), None)
    return f"{WORDS['no_usable_channel']} ({told})", source


def _with_recipients(words: tuple[str, str | None], to: str) -> tuple[str, str | None]:
    return (f"{words[0]}; {to}" if to else words[0]), words[1]


def _permitted_to(message: MessageFacts) -> str:
    return recipients_told(message.to, message.copies, message.left_out)


def _goes_to(found: Recipients) -> str:
    return recipients_told(found.to.role, [each.role for each in found.copies], found.left_out)


def recipients_told(to: str, copies: Sequence[str], left_out: Mapping[str, str]) -> str:
    """To whom a message goes, by their roles, where that is not simply the billing contact; else empty.

    `left_out` are the roles that its document names beside them, and why (codes) they are not written to.
    """
    if to == BILLING and not copies and not left_out:
        return ""
    absent = [role for role, why in sorted(left_out.items()) if why == NO_CONTACT]
    closed = [
        f"{role} not: {WORDS.get(why, why)}" for role, why in sorted(left_out.items()) if why != NO_CONTACT
    ]
    return "; ".join([
        *(f"no contact {role}" for role in absent),
        f"written to {to}" + (f", {' and '.join(copies)} in copy" if copies else ""),
        *closed,
    ])  # fmt: skip


def _words(known: Known, rule: str, step_id: str) -> tuple[str, str | None]:
    """The words of a rule and where it comes from; of a condition, the condition itself."""
    if law := known.rules.law.rule(rule):
        return law.text, law.source
    step = known.cadence.step(step_id)
    if rule in ("condition", "condition_failed") and step and step.when:
        return f"{WORDS[rule]}: {step.when}", None
    return WORDS.get(rule, rule.replace("_", " ")), None
