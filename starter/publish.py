"""Publishes cadence files: all of them, once they are judged together with what is published, or none."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.creditor import Creditor
from cadence.problems import DocumentError, Source
from ledger import publishing
from starter.rulers import Located, lint_files, read_cadence
from starter.session import wall_clock


async def publish_files(
    engine: AsyncEngine, files: Sequence[Path], creditor: Creditor
) -> list[tuple[str, int, bool]]:
    """Publish all files or none: name, version and whether it is new, each. Raises DocumentError with every error."""
    linted = lint_files(files, creditor, await _published_beside(engine, files))
    if linted.errors:
        raise DocumentError(linted.errors)
    done = []
    for cadence, _ in linted.cadences:
        version, new = await publishing.publish(engine, cadence, wall_clock())
        done.append((cadence.name, version, new))
    return done


async def _published_beside(engine: AsyncEngine, files: Sequence[Path]) -> list[Located]:
    """The latest versions of the cadences that these files do not replace: their segments are taken."""
    replaced = {_name(path) for path in files}
    return [
        (each.cadence, Source(f"the published cadence {each.cadence.name}"))
        for each in await publishing.published(engine)
        if each.latest and each.cadence.name not in replaced
    ]


def _name(path: Path) -> str | None:
    try:
        return read_cadence(path)[0].name
    except DocumentError:  # judging it says what is wrong with it
        return None
