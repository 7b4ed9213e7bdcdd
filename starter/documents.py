"""The documents that people write beside cadences: the creditor's, the rules of segments, and packs of contact rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cadence.creditor import Creditor
from cadence.packs import Pack, Packs
from cadence.problems import DocumentError, Problem
from cadence.reading import read_document
from cadence.segments import Segments

SEGMENTS = "segments.yaml"
MAX_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Documents:
    """The creditor's documents and the packs of contact rules, and where they lie."""

    creditor_file: Path
    policies_dir: Path
    creditor: Creditor
    packs: Packs
    segments: Segments | None

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings by which another process reads the same."""
        return {
            "CREDITOR_FILE": str(self.creditor_file.resolve()),
            "POLICIES_DIR": str(self.policies_dir.resolve()),
        }


def read_documents(creditor_file: Path, policies_dir: Path) -> Documents:
    """All of them; raise DocumentError with every mistake in the first that has any."""
    return Documents(
        creditor_file,
        policies_dir,
        read_creditor(creditor_file),
        read_packs(policies_dir),
        read_segments(creditor_file),
    )


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; raise DocumentError with a sentence where it cannot be had."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            # Never more than is taken: a device has no size, and no end.
            text = file.read(MAX_CHARACTERS + 1)
        if len(text) <= MAX_CHARACTERS:
            return text
        problem = f"the file has more than {MAX_CHARACTERS:,} characters; no document needs that"
    except FileNotFoundError:
        problem = "there is no such file; check the path"
    except IsADirectoryError:
        problem = "this is a folder; name a file in it"
    except UnicodeDecodeError:
        problem = "this is not UTF-8 text; save it as UTF-8"
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror}); check its permissions"
    raise DocumentError([Problem(str(path), 1, "", problem)])


def read_creditor(path: Path) -> Creditor:
    """The creditor's document (CREDITOR_FILE); raise DocumentError with every mistake in it."""
    return read_document(Creditor, read_text(path), str(path))


def segments_file(creditor_file: Path) -> Path:
    """Where the rules of segments are, if the creditor has any: beside the creditor's own document."""
    return creditor_file.parent / SEGMENTS


def read_segments(creditor_file: Path) -> Segments | None:
    """The rules of segments; None where there are none. Raise DocumentError with every mistake in them."""
    path = segments_file(creditor_file)
    return read_document(Segments, read_text(path), str(path)) if path.exists() else None


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
