"""Moves running invoices to the newest version of their cadence: the difference first, then one by one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.progress import Progress

from ledger.access import Ledger
from ledger.database import UnknownInvoice
from ledger.migrating import Foreseen, foreseen, migrate, outdated
from ledger.publishing import published
from ledger.unit import Origin
from starter.session import Refusal

Named = tuple[int, str]


@dataclass(slots=True)
class Migrated:
    """What a migration does or did: the difference of each invoice, and how many were moved.

    `declined` means that nothing was moved, because nobody agreed.
    """

    foreseen: list[Foreseen] = field(default_factory=list)
    moved: int = 0
    declined: bool = False


async def migrate_invoices(
    ledger: Ledger,
    cadence: str | None,
    numbers: Sequence[str],
    origin: Origin,
    clock: Callable[[], datetime],
    console: Console,
    agree: Callable[[Sequence[Foreseen]], bool],
) -> Migrated:
    """Move the open invoices of a cadence, or those of these numbers, that keep to an older version.

    `agree` is shown what would change before anything is. What another command moved or closed meanwhile is left
    alone, so that doing it again is safe. Raises Refusal where the cadence or a number is not known.
    """
    chosen = await _chosen(ledger, cadence, numbers)
    done = Migrated()
    for invoice_id, _ in _watched(chosen, "Comparing", console):
        done.foreseen.append(await foreseen(ledger, invoice_id, clock()))
    if not done.foreseen or not agree(done.foreseen):
        done.declined = bool(done.foreseen)
        return done
    for invoice_id, _ in _watched(chosen, "Moving", console):
        done.moved += await migrate(ledger, invoice_id, origin, clock())
    return done


async def _chosen(ledger: Ledger, cadence: str | None, numbers: Sequence[str]) -> Sequence[Named]:
    names = {version.cadence.name for version in await published(ledger.engine)}
    if cadence is not None and cadence not in names:
        raise Refusal(
            f"no cadence {cadence!r} is published; published are: {', '.join(sorted(names)) or 'none'}"
        )
    for number in numbers:
        try:
            await ledger.invoice_id(number)
        except UnknownInvoice as unknown:
            raise Refusal(f"--invoice: {unknown}") from None
    return await outdated(ledger.engine, cadence, numbers or None)


def _watched(chosen: Sequence[Named], what: str, console: Console) -> Iterable[Named]:
    # Where nobody watches, a bar is a blank line.
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(chosen, description=what)
