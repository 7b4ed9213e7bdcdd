"""What people do with segments: assign one by hand, take that back, and let the rules go over every customer."""

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.console import Console
from rich.progress import Progress

from ledger.access import Ledger
from ledger.migrating import Foreseen
from ledger.segmenting import (
    Effect,
    Segmented,
    all_customers,
    assign_by_hand,
    clear_by_hand,
    explained,
    foreseen_moves,
    reassign,
)
from ledger.unit import Origin, Unit
from starter.standing import Expect


async def set_segment(
    ledger: Ledger, key: str, segment: str, reason: str, effect: Effect, origin: Origin, now: datetime,
    expect: Expect | None = None,
) -> bool:  # fmt: skip
    """Assign a segment by hand, for a reason (a code), until that is cleared; False where it was so already.

    Raises UnknownCustomer, LedgerError where no cadence serves the segment, and what `expect` raises.
    """
    customer_id = await ledger.customer_id(key)
    async with ledger.unit(customer_id, None, now) as unit:
        await _expected(unit, expect)
        return await assign_by_hand(unit, segment, reason, origin, effect)


async def clear_segment(
    ledger: Ledger, key: str, effect: Effect, origin: Origin, now: datetime, expect: Expect | None = None
) -> str:
    """Let the rules, or the file, decide again on a segment that was assigned by hand; the segment that follows.

    Raises UnknownCustomer, LedgerError where none was, and what `expect` raises.
    """
    customer_id = await ledger.customer_id(key)
    async with ledger.unit(customer_id, None, now) as unit:
        await _expected(unit, expect)
        await clear_by_hand(unit, origin, effect)
    return unit.customer_facts.segment


async def _expected(unit: Unit, expect: Expect | None) -> None:
    if expect:
        await expect(unit.connection)


async def explain_segment(ledger: Ledger, key: str, now: datetime) -> Segmented:
    """The segment of a customer and what decides on it; raise UnknownCustomer."""
    return await explained(ledger, await ledger.customer_id(key), key, now)


async def changes_of_all(
    ledger: Ledger, effect: Effect, clock: Callable[[], datetime], console: Console
) -> list[tuple[int, Segmented, list[Foreseen]]]:
    """Each customer whom the rules would bring into another segment, and what that changes of their open invoices."""
    found = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        for customer_id, key in progress.track(await all_customers(ledger.engine), description="Judging"):
            judged = await explained(ledger, customer_id, key, clock())
            if judged.changes:
                segment = judged.decision.segment
                moves = await foreseen_moves(ledger, customer_id, segment, clock())
                found.append((customer_id, judged, moves if effect == "now" else []))
    return found


async def apply_to(
    ledger: Ledger, ids: Sequence[int], effect: Effect, origin: Origin, clock: Callable[[], datetime], console: Console
) -> int:  # fmt: skip
    """Let the rules decide anew on these customers, one by one; how many came into another segment."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        return sum(
            [
                await reassign(ledger, customer_id, origin, clock(), effect)
                for customer_id in progress.track(ids, description="Assigning")
            ]
        )
