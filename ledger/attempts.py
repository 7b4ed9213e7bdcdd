"""Attempts: what the ledger knows of one, and what follows from its result."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import func, select, update

from cadence import events as e
from cadence.agenda import AgendaItem
from cadence.words import Channel
from ledger import statements
from ledger.access import Ledger
from ledger.driving import run
from ledger.learning import halt_by_itself, suppress
from ledger.spoken_for import merge_listed
from ledger.tables import attempts
from ledger.unit import PLANNER, Held, Unit


@dataclass(frozen=True, slots=True)
class KnownAttempt:
    """An attempt and the message it is at, by what never changes of the two: it holds without a lock."""

    attempt_id: str
    message_id: int
    invoice_id: int
    step: str
    occurrence: int
    channel: Channel
    reference: str
    # The role of the contact to whom it goes.
    role: str
    # Where it goes, which the message's row has from `begin` on, and to whom in copy. Personal data: never log it.
    address: str | None
    copies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredAttempt(KnownAttempt):
    """An attempt as the ledger found it a moment ago; `accepted` is a state that stays."""

    state: str
    permitted_at: datetime
    provider_id: str | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of `statements.ATTEMPTS`."""
        return cls(**{**row, "channel": Channel(row["channel"]), "copies": tuple(row["copies"])})


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt, in the ledger's words; `error_class` and `code` are the provider's, classified."""

    state: str  # accepted, refused, rejected or unknown
    provider_id: str | None = None
    code: str | None = None
    error_class: str | None = None


def goes_again(result: Result) -> bool:
    """Whether the provider surely took nothing, and may take it later."""
    return result.state == "refused" or (result.state, result.error_class) == ("rejected", "throughput")


async def attempt_of(ledger: Ledger, condition: Any) -> StoredAttempt | None:
    """An attempt with its message, by any condition on either, of several the newest; None where there is none."""
    newest = statements.ATTEMPTS.where(condition).order_by(attempts.c.number.desc()).limit(1)
    async with ledger.single() as connection:
        found = (await connection.execute(newest)).mappings().one_or_none()
    return StoredAttempt.of(found) if found else None


async def settle(unit: Unit, held: Held, attempt: KnownAttempt, result: Result) -> None:
    """Turn an attempt's result into its row, the message's and the event that changes the facts."""
    of = (attempt.step, attempt.occurrence, attempt.channel)
    values = {
        "wanted_id": attempt.attempt_id,
        "state": result.state,
        "settled_at": unit.now,
        "code": result.code,
        "error_class": result.error_class,
    }
    if result.state == "accepted":
        adopted = {"at_message": attempt.message_id, "the_provider_id": result.provider_id}
        await run(unit.connection, statements.SETTLE_ACCEPTED, values | adopted)
    else:
        await run(unit.connection, statements.SETTLE, values)
    if result.state in ("accepted", "unknown"):
        kind = e.MessageAccepted if result.state == "accepted" else e.MessageUnknown
        await unit.tell(held, message_event(kind, *of), PLANNER)
        # Of what may have been sent, nothing is said again.
        await merge_listed(unit, held, attempts.c.id == attempt.attempt_id)
        await tell_if_twice(unit, held, attempt)
    elif result.state == "refused" or result.error_class in ("throughput", "account"):
        await unit.tell(
            held,
            message_event(e.MessageRefused, *of, code=result.code, error_class=result.error_class),
            PLANNER,
        )
    else:
        error_class = result.error_class or "unclassified"
        rejected = message_event(e.MessageRejected, *of, code=result.code, error_class=error_class)
        await unit.tell(held, rejected, PLANNER)
        await suppress(unit, attempt.channel, attempt.address, attempt.role, result.error_class)
    if result.error_class == "account":
        await halt_by_itself(unit, attempt.channel)
        await _wait_for_a_person(unit, held, attempt)


async def lapse(unit: Unit, message_id: Any) -> None:
    """Let permits for a message that were never used lapse: from here on, none of them can begin."""
    reserved = (attempts.c.message_id == message_id) & (attempts.c.state == "reserved")
    await unit.connection.execute(
        update(attempts).where(reserved).values(state="lapsed", settled_at=unit.now)
    )


async def lose_call(unit: Unit, held: Held, item: AgendaItem, message_id: Any) -> bool:
    """Whether an attempt was writing to the provider when its worker died: then the message's fate is unknown."""
    calling = (attempts.c.message_id == message_id) & (attempts.c.state == "calling")
    lost = await unit.connection.execute(
        update(attempts).where(calling).values(state="unknown", settled_at=unit.now).returning(attempts.c.id)
    )
    if lost.first() is None:
        return False
    await unit.tell(held, message_event(e.MessageUnknown, item.step, item.occurrence, item.channel), PLANNER)
    await merge_listed(unit, held, (attempts.c.message_id == message_id) & (attempts.c.state == "unknown"))
    return True


async def tell_if_twice(unit: Unit, held: Held, attempt: KnownAttempt) -> None:
    """Tell that a message went twice, where the attempt is the second that the provider took: its list had lied."""
    message = held.facts.step(attempt.step, attempt.occurrence).messages[attempt.channel]
    if not message.resent:
        return
    taken = (attempts.c.message_id == attempt.message_id) & (attempts.c.state == "accepted")
    counted = await unit.connection.execute(select(func.count()).select_from(attempts).where(taken))
    if counted.scalar_one() > 1:
        twice = message_event(e.MessageSentTwice, attempt.step, attempt.occurrence, attempt.channel)
        await unit.tell(held, twice, PLANNER)


async def _wait_for_a_person(unit: Unit, held: Held, attempt: KnownAttempt) -> None:
    rules = unit.rules(held)
    tomorrow = rules.contact_at(rules.window.local_day(unit.now) + timedelta(days=1))
    deferred = e.StepDeferred(
        step=attempt.step, occurrence=attempt.occurrence, reason="halted", until=tomorrow
    )
    await unit.tell(held, deferred, PLANNER)


def message_event(kind: Any, step: str | None, occurrence: int, channel: Channel | None, **more: Any) -> Any:
    return kind(step=step, occurrence=occurrence, channel=channel, **more)
