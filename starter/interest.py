"""Late interest of an invoice, for whoever asks: the regime that the creditor named, on what the ledger knows."""

from datetime import date
from functools import partial
from pathlib import Path

from cadence.appropriation import PartStands, parts_of
from cadence.interest import Interest
from cadence.interest_regimes import Regime
from cadence.problems import DocumentError, Problem
from cadence.reading import read_document
from ledger.access import Ledger
from ledger.charging import Regimes, worked_out
from ledger.interest import owed_by
from starter.documents import read_text


class InterestSeen(Interest):
    """The same beside what was claimed before: `parts` is how money was shared out over it; empty where nothing was."""

    parts: tuple[PartStands, ...]


async def interest_on(ledger: Ledger, policies_dir: Path, number: str, until: date) -> InterestSeen:
    """What the creditor's invoice `number` bears up to the day `until`. It changes nothing.

    Raises UnknownInvoice, DocumentError, and ChargesRefused where no regime fits or a figure is not known.
    """
    owed = await owed_by(ledger, number)
    _, found = worked_out(ledger.creditor, owed, regimes_in(policies_dir), until)
    return InterestSeen(**dict(found), parts=parts_of(owed.facts))


def regimes_in(policies_dir: Path) -> Regimes:
    """The regimes of POLICIES_DIR. Each is read anew each time, so that a new rate counts at once."""
    return partial(read_regime, policies_dir)


def read_regime(policies_dir: Path, name: str) -> Regime:
    """The regime of that name (`interest/<name>.yaml` in POLICIES_DIR); raise DocumentError with every mistake in it."""
    path = policies_dir / "interest" / f"{name}.yaml"
    regime = read_document(Regime, read_text(path), str(path))
    if regime.name != name:
        text = f"the regime calls itself {regime.name!r}; give it the name of its file, {name!r}"
        raise DocumentError([Problem(str(path), 1, "name", text)])
    return regime
