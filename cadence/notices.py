"""Notices: the messages that answer what a customer did, and the reminders of what was promised or agreed."""

from collections.abc import Iterator
from typing import Literal

from cadence.agenda import SEND_KIND, AgendaItem, Settled
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, Notice, StepFacts
from cadence.plans import owed
from cadence.routing import RouteKind, route
from cadence.sends import Answering, Send
from cadence.timing import FOREVER, Timing

# The branches that ask for money.
REMINDERS = ("broken_promise", "instalment_missed")


def plan_notices(timing: Timing, settled: list[Settled]) -> Iterator[AgendaItem]:
    """The notices that are owed. They answer the customer, so a hold or dispute does not stop them; the window does."""
    for notice in timing.facts.notices:
        record = timing.facts.step(notice.step, notice.number)
        send = branch_message(timing.cadence, notice)
        if record.outcome or send is None:
            continue
        if _still_true(notice, timing.facts):
            yield from _notice(timing, notice, send, record, settled)
        else:
            settled.append(_over(notice, record, "overtaken"))


def _notice(
    timing: Timing, notice: Notice, send: Send, record: StepFacts, settled: list[Settled]
) -> Iterator[AgendaItem]:
    way = route(send, record, timing.rules)
    reminds = notice.branch in REMINDERS
    until = timing.silenced if reminds else None
    floor = max(timing.now, until or timing.now)
    if way.kind is RouteKind.EXHAUSTED:
        settled.append(_over(notice, record, way.reason))
    if way.channel is None or floor == FOREVER:
        return
    wanted = max(notice.at, record.deferred_until or notice.at, way.not_before or notice.at)
    at = timing.in_window(wanted, floor)
    if reminds:
        at = max(at, timing.rules.window.next_open(until)) if until else at
        at = timing.on_a_day_of_its_own(f"{notice.step}/{notice.number}", at)
    else:
        timing.keep_away_from(at)
    key, kind = f"{notice.step}/{notice.number}/{way.key}", SEND_KIND[way.channel]
    yield AgendaItem(
        key, kind, at, way.reason, notice.step, notice.number, way.channel, send, notice=not reminds
    )


def _over(notice: Notice, record: StepFacts, reason: str) -> Settled:
    outcome: Literal["failed", "skipped"] = "failed" if record.messages else "skipped"
    return Settled(notice.step, notice.number, outcome, reason, notice.at)


def _still_true(notice: Notice, facts: InvoiceFacts) -> bool:
    """Whether the notice still answers something: it is the latest, and the invoice is in its branch.

    What an agent wrote answers the customer whatever was written or happened since.
    """
    if notice.branch == "answer":
        return True
    if notice.branch == "promise":  # each is confirmed, and their notices are numbered as they are
        return any(promise.number == notice.number for promise in facts.promises_open)
    if notice.branch == "plan":
        return facts.plan is not None and facts.plan.number == notice.number
    latest = max(n.number for n in facts.notices if n.branch == notice.branch) == notice.number
    stands = {
        "dispute": facts.disputed,
        "dispute_resolved": not facts.disputed,
        "dispute_upheld": not facts.disputed,
        "broken_promise": not facts.trusts and facts.plan is None,
        "instalment_missed": facts.plan is None or _is_behind(facts),
        "payment": True,
    }
    return latest and stands[notice.branch]


def _is_behind(facts: InvoiceFacts) -> bool:
    """Whether an instalment that was missed is owed still."""
    return any(each.amount > 0 for each in owed(facts) if each.instalment.missed)


def branch_message(cadence: Cadence, notice: Notice) -> Send | None:
    """What the cadence says in that branch; None where it says nothing. An answer is an agent's own words."""
    if notice.channel is not None:
        return Answering(template="answer", channels=(notice.channel,), address=notice.address)
    branches = cadence.branches
    collected = notice.amount is not None and branches.dispute.undisputed == "collect"
    return {
        "dispute": branches.dispute.partial_notice if collected else branches.dispute.notice,
        "dispute_resolved": branches.dispute.resolved_notice,
        "dispute_upheld": branches.dispute.upheld_notice,
        "promise": branches.promise.notice,
        "broken_promise": branches.broken_promise.reminder,
        "plan": branches.plan.notice,
        "instalment_missed": branches.plan.missed.reminder,
        "payment": branches.payment.notice,
    }[notice.branch]
