"""The design's invariants over one invoice's log, each a pure function that adds to its own tally."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cadence import events as e
from cadence.agenda import Agenda
from cadence.caps import Contact, room
from cadence.customer_facts import CustomerFacts
from cadence.disputes import forbids
from cadence.document import Cadence
from cadence.facts import ANSWER_STEP, InvoiceFacts, step_key
from cadence.marks import marks
from cadence.planner import plan
from cadence.plans import is_of_plan
from cadence.rules import Rulebook, Rules
from cadence.timing import blocked_until
from cadence.words import BILLING, Channel
from ledger.contacting import NO_CONTACT
from ledger.logs import InvoiceLog, Tried, replayed


@dataclass(slots=True)
class Tally:
    """What one invariant has looked at so far. `known` are exceptions that the design allows, named."""

    number: int
    title: str
    checked: int = 0
    violations: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)


def permits_in_order(log: InvoiceLog, tally: Tally) -> None:
    """Invariant 1: by the ledger's order, no permit against the facts that stood; no attempt after its lease."""
    tried = {attempt.id: attempt for attempt in log.attempts}
    permitted: set[str] = set()
    for logged, before, _ in replayed(log.events):
        if not isinstance(logged.event, e.MessagePermitted):
            continue
        tally.checked += 1
        permitted.add(logged.event.attempt)
        attempt = tried.get(logged.event.attempt)
        if attempt is None or before is None:
            tally.violations.append(f"{log.name}: permit {logged.id} names an attempt that does not exist")
        elif reason := forbidden(
            before, log.cadence_before(logged.id), logged.at, attempt.step, notice=attempt.notice
        ) or _unapproved(before, log.cadence_before(logged.id), attempt):
            tally.violations.append(f"{log.name}: permit {logged.id} for {_step(attempt)} was given {reason}")
    for attempt in log.attempts:
        if attempt.id not in permitted:
            tally.violations.append(f"{log.name}: attempt {attempt.id} has no permit in the log")
        if attempt.began_at and attempt.began_at >= attempt.lease_until:
            tally.violations.append(f"{log.name}: attempt {attempt.id} began after its lease ended")


def _unapproved(facts: InvoiceFacts, cadence: Cadence, attempt: Tried) -> str | None:
    """That a message was sent for which somebody was to be asked first, who said no or nothing."""
    step = cadence.step(attempt.step)
    record = facts.step(attempt.step, attempt.occurrence)
    if step is None or step.approval is None or record.messages:
        return None
    answer = record.approval.answer if record.approval else None
    leave = answer == "given" or (answer == "timed_out" and step.approval.otherwise == "send")
    return None if leave else "without approval"


def forbidden(
    facts: InvoiceFacts, cadence: Cadence, at: datetime, step: str, *, notice: bool = False
) -> str | None:
    """Why no message of `step` was to be permitted on these facts at `at`; None where one was."""
    if facts.closed:
        return f"when it was closed as {facts.closed}"
    if notice:
        return None
    if forbids(facts, cadence):
        return "within a dispute"
    if any(hold.until is None or hold.until > at for hold in facts.holds):
        return "within a hold"
    if facts.trusts:
        return "within a promise"
    return "within a payment plan" if facts.plan and not is_of_plan(step) else None


def accepted_once(log: InvoiceLog, tally: Tally, at_provider: Mapping[int, int]) -> None:
    """Invariant 2: one accepted message for a step, occurrence and channel, in our books and at the provider.

    `at_provider` counts what the provider itself says it accepted, by our message id.
    """
    ours = Counter(attempt.message_id for attempt in log.attempts if attempt.state == "accepted")
    for message in {attempt.message_id: attempt for attempt in log.attempts}.values():
        tally.checked += 1
        times = max(ours[message.message_id], at_provider.get(message.message_id, 0))
        if times <= 1:
            continue
        told = f"{log.name}: {_step(message)} was accepted {times} times"
        if times == 2 and _resent(log.stored, message):
            tally.known.append(f"{told}: sent again after the provider's list was twice read without it")
        else:
            tally.violations.append(told)


def _resent(facts: InvoiceFacts, attempt: Tried) -> bool:
    known = facts.step(attempt.step, attempt.occurrence).messages.get(Channel(attempt.channel))
    return known is not None and known.resent


def steps_settled(log: InvoiceLog, tally: Tally, book: Rulebook, now: datetime, grace: timedelta) -> None:
    """Invariant 3: what has passed has one final outcome or a later date, and what failed has its case."""
    _never_both(log, tally)
    missing = sorted({case.key for case in log.stored.cases} - log.cases)
    tally.violations.extend(f"{log.name}: the case {key} is owed and was never opened" for key in missing)
    if log.stored.closed:
        tally.checked += len(log.cadence.steps)  # overtaken by closing, where they were not done before
        if not log.directive.closed:
            tally.violations.append(f"{log.name}: it is closed, and its workflow was not told")
        return
    rules = log.rules(book, now)
    agenda = plan(log.stored, log.cadence, rules, now)
    _nothing_overdue(log, tally, agenda, now - grace)
    _nothing_lost(log, tally, agenda, rules, now - grace)


def _never_both(log: InvoiceLog, tally: Tally) -> None:
    skipped = {_key(x.event) for x in log.events if isinstance(x.event, e.StepSkipped)}
    done = {_key(x.event) for x in log.events if isinstance(x.event, e.MessageAccepted | e.StepPerformed)}
    done |= {key for key, step in log.stored.steps.items() if step.outcome == "merged"}
    tally.violations.extend(f"{log.name}: {key} was both skipped and done" for key in sorted(skipped & done))


def _key(event: e.StepSkipped | e.MessageAccepted | e.StepPerformed) -> str:
    return step_key(event.step, event.occurrence)


def _nothing_overdue(log: InvoiceLog, tally: Tally, agenda: Agenda, since: datetime) -> None:
    """What the workflow was told, and what it would be told now, lies ahead or has only just fallen due."""
    told = log.directive.item
    planned = agenda.next.told() if agenda.next else None
    for item in {item.key: item for item in (planned, told) if item and item.at <= since}.values():
        tally.violations.append(f"{log.name}: {item.key} was due at {item.at.isoformat()} and is not done")


def _nothing_lost(log: InvoiceLog, tally: Tally, agenda: Agenda, rules: Rules, since: datetime) -> None:
    """Each step whose day has come has an outcome, or is on the agenda, unless reminders are forbidden for now."""
    # What a hold or promise has overtaken is judged at its end, which is on the agenda or in somebody's hands.
    blocked = blocked_until(log.stored, log.cadence, rules) is not None
    ahead = {(item.step, item.occurrence) for item in agenda.items}
    ahead |= {(settled.step, settled.occurrence) for settled in agenda.settled}
    for mark in marks(log.stored, log.cadence, rules):
        if mark.day is None or rules.opening(mark.day) > since:
            continue
        tally.checked += 1
        if mark.open and not blocked and (mark.step.id, mark.occurrence) not in ahead:
            key = step_key(mark.step.id, mark.occurrence)
            tally.violations.append(f"{log.name}: {key} was planned for {mark.day} and has no outcome")


def inside_windows(log: InvoiceLog, tally: Tally, book: Rulebook) -> None:
    """Invariant 4: every contact inside the send window, by the customer's clock as it was known then."""
    for attempt in log.attempts:
        tally.checked += 1
        rules = log.rules_of(attempt, book)
        at = attempt.began_at or attempt.permitted_at
        if rules is None or not rules.window.is_open(at):
            told = f"{log.name}: {_step(attempt)} was attempted at {at.isoformat()}, outside its send window"
            tally.violations.append(told)


def within_caps(logs: Sequence[InvoiceLog], tally: Tally, book: Rulebook) -> None:
    """Invariant 7, for all invoices of one customer: no contact but where every cap had room for it."""
    tried = sorted(
        ((attempt, log) for log in logs for attempt in log.attempts if _is_contact(attempt)),
        key=lambda each: each[0].permit_event,
    )
    for place, (attempt, log) in enumerate(tried):
        rules = log.rules_of(attempt, book)
        if rules is None or not rules.law.limits:
            continue
        tally.checked += 1
        whose = log.owner(attempt.permit_event).customer_id
        earlier = [
            Contact(other.permitted_at, Channel(other.channel))
            for other, others in tried[:place]
            if other.message_id != attempt.message_id
            # Before customers were merged, each of them had contacts of their own.
            and others.owner(attempt.permit_event).customer_id == whose
        ]
        at = attempt.permitted_at
        found = room(rules.law.limits, earlier, Channel(attempt.channel), at, rules.window)
        if found.rule is not None:
            tally.violations.append(f"{log.name}: {_step(attempt)} at {at.isoformat()} is over {found.rule}")


def _is_contact(attempt: Tried) -> bool:
    return attempt.state not in NO_CONTACT and attempt.step != ANSWER_STEP


def never_suppressed(log: InvoiceLog, tally: Tally, book: Rulebook) -> None:
    """Invariant 8: nothing was permitted to an address that was suppressed then, nor a copy of it."""
    for attempt in log.attempts:
        tally.checked += 1
        for reason in _objections(log, attempt, book):
            tally.violations.append(f"{log.name}: {_step(attempt)} was permitted in spite of {reason}")


def _objections(log: InvoiceLog, attempt: Tried, book: Rulebook) -> list[str]:
    """Why an attempt was not to be permitted, for each of its addresses."""
    customer, permit = log.customer_before(attempt.permit_event), log.permit_of(attempt)
    rules, channel = log.rules_of(attempt, book), Channel(attempt.channel)
    if customer is None or rules is None:
        return ["unknown_customer"]
    written_to = permit.recipients if permit else ()
    reasons = [rules.closed_to(written_to[0].role if written_to else BILLING).get(channel)]
    reasons += [
        customer.unusable_at(channel, each.address, rules.consent_rules.get(channel)) for each in written_to
    ]
    return list(dict.fromkeys(reason for reason in reasons if reason))


def facts_agree(log: InvoiceLog, tally: Tally) -> None:
    """Invariant 6 for an invoice: its events, reduced, are its facts, and its row says the same."""
    tally.checked += 1
    facts = next((after for *_, after in reversed(list(replayed(log.events)))), None)
    if facts != log.stored:
        tally.violations.append(f"{log.name}: its events do not add up to its facts")
    moved = [logged.event for logged in log.events if isinstance(logged.event, e.CadenceChanged)]
    if moved and log.editions[moved[-1].cadence, moved[-1].version] != log.cadence:
        tally.violations.append(f"{log.name}: it follows another cadence than its events say")
    row = (log.row["state"], log.row["balance"], log.row["due_on"], log.row["closed_at"] is not None)
    stored = (str(log.stored.state), log.stored.balance, log.stored.due_on, log.stored.closed is not None)
    if row != stored:
        tally.violations.append(f"{log.name}: its state, balance, due date or closing differ from its facts")


def customer_agrees(
    customer_id: int, stored: CustomerFacts | None, reduced: CustomerFacts | None, tally: Tally
) -> None:
    """Invariant 6 for a customer."""
    tally.checked += 1
    if stored != reduced:
        tally.violations.append(f"customer {customer_id}: its events do not add up to its facts")


def _step(attempt: Tried) -> str:
    return f"{step_key(attempt.step, attempt.occurrence)} by {attempt.channel}"
