"""Publishes cadence files: all of them, once they are judged together with what is published, or none."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from cadence.creditor import Creditor
from cadence.document import Cadence
from cadence.problems import DocumentError, Source
from cadence.reading import read_located
from ledger import publishing
from starter.rulers import Linted, Located, lint_files, lint_text, read_cadence
from starter.session import wall_clock

# What problems call a document that has no file.
DOCUMENT = "the document"


async def publish_files(
    engine: AsyncEngine, files: Sequence[Path], creditor: Creditor, actor: str = "regua"
) -> list[tuple[str, int, bool]]:
    """Publish all files or none: name, version and whether it is new, each. Raises DocumentError with every error."""
    linted = lint_files(files, creditor, await published_beside(engine, map(_name, files)))
    if linted.errors:
        raise DocumentError(linted.errors)
    done = []
    for cadence, _ in linted.cadences:
        version, new = await publishing.publish(engine, cadence, wall_clock(), actor=actor)
        done.append((cadence.name, version, new))
    return done


async def published_beside(engine: AsyncEngine, names: Iterable[str | None]) -> list[Located]:
    """The latest versions of the cadences but those of these names, which are replaced: their segments are taken."""
    replaced = set(names)
    return [
        (each.cadence, Source(f"the published cadence {each.cadence.name}"))
        for each in await publishing.published(engine)
        if each.latest and each.cadence.name not in replaced
    ]


async def judge_text(engine: AsyncEngine, text: str, creditor: Creditor) -> Linted:
    """Judge the text of one document together with what is published beside it."""
    beside = await published_beside(engine, [_named(lambda: read_located(Cadence, text, DOCUMENT))])
    # In a thread: trying conditions takes up to seconds, in which the process has others to answer.
    return await asyncio.to_thread(lint_text, text, DOCUMENT, creditor, beside)


def _name(path: Path) -> str | None:
    return _named(lambda: read_cadence(path))


def _named(read: Callable[[], Located]) -> str | None:
    try:
        return read()[0].name
    except DocumentError:  # judging it says what is wrong with it
        return None
