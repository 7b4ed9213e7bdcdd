"""The packs of contact rules as files: `policies/*.yaml`, read and judged together."""

from pathlib import Path

from cadence.packs import Pack, Packs
from cadence.problems import DocumentError, Problem
from cadence.reading import read_document
from starter.settings import read_text


def read_packs(folder: Path) -> Packs:
    """Every pack in `folder`; raise DocumentError with every mistake in them.

    An empty folder is a mistake: nobody's law would apply, and nothing would say so.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise DocumentError(
            [Problem(str(folder), 1, "", "there is no pack of contact rules here; set POLICIES_DIR")]
        )
    packs, problems = [], []
    for file in files:
        try:
            packs.append(read_document(Pack, read_text(file), str(file)))
        except DocumentError as error:
            problems += error.problems
    problems += _named_twice(folder, packs)
    if problems:
        raise DocumentError(problems)
    return Packs(tuple(packs))


def _named_twice(folder: Path, packs: list[Pack]) -> list[Problem]:
    """A rule's id is what a decision quotes, so it is one rule's in all packs."""
    seen: set[str] = set()
    problems = []
    for rule in (rule for pack in packs for rule in pack.rules):
        if rule.id in seen:
            text = f"the rule id {rule.id} is used more than once; give each rule its own"
            problems.append(Problem(str(folder), 1, rule.id, text))
        seen.add(rule.id)
    return problems
