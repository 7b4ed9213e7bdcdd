"""Late interest of an invoice, for whoever asks: the regime that the creditor named, on what the ledger knows."""

from datetime import date
from pathlib import Path

from cadence.appropriation import PartStands, parts_of
from cadence.creditor import Creditor
from cadence.interest import Interest, InterestRefused, accrued
from cadence.interest_regimes import Regime
from cadence.problems import DocumentError, Problem
from cadence.reading import read_document
from cadence.words import Debtor
from ledger.access import Ledger
from ledger.interest import Owed, owed_by
from starter.documents import read_text
from starter.session import Refusal


class InterestSeen(Interest):
    """The same beside what was claimed before: `parts` is how money was shared out over it; empty where nothing was."""

    parts: tuple[PartStands, ...]


async def interest_on(ledger: Ledger, policies_dir: Path, number: str, until: date) -> InterestSeen:
    """What the creditor's invoice `number` bears up to the day `until`. It changes nothing.

    The regime is read anew each time, so that a new rate counts at once. Raises UnknownInvoice, DocumentError, and
    Refusal where no regime fits or a figure is not known.
    """
    owed = await owed_by(ledger, number)
    _, found = worked_out(ledger.creditor, owed, policies_dir, until)
    return InterestSeen(**dict(found), parts=parts_of(owed.facts))


def worked_out(creditor: Creditor, owed: Owed, policies_dir: Path, until: date) -> tuple[Regime, Interest]:
    """The regime that fits a debt, and what it gives up to the day `until`. Raises DocumentError and Refusal."""
    regime, debtor = _regime(creditor, owed.debtor, policies_dir)
    try:
        return regime, accrued(regime, owed.debt, until, debtor)
    except InterestRefused as refused:
        raise Refusal(str(refused), code=refused.code) from None


def read_regime(policies_dir: Path, name: str) -> Regime:
    """The regime of that name (`interest/<name>.yaml` in POLICIES_DIR); raise DocumentError with every mistake in it."""
    path = policies_dir / "interest" / f"{name}.yaml"
    regime = read_document(Regime, read_text(path), str(path))
    if regime.name != name:
        text = f"the regime calls itself {regime.name!r}; give it the name of its file, {name!r}"
        raise DocumentError([Problem(str(path), 1, "name", text)])
    return regime


def _regime(creditor: Creditor, debtor: Debtor | None, policies_dir: Path) -> tuple[Regime, Debtor]:
    if debtor is None:
        raise Refusal(
            "its cadence does not say whom it is for, and late interest differs; write `debtors: business` or "
            "`debtors: consumer` into the cadence",
            code="debtor_not_said",
        )
    name = creditor.interest.regime_for(debtor)
    if name is None:
        raise Refusal(
            f"the creditor's document names no regime against a {debtor}; write `interest: {{{debtor}: ...}}` there, "
            "with the name of a file of policies/interest/",
            code="no_regime",
        )
    regime = read_regime(policies_dir, name)
    if regime.countries and creditor.country not in regime.countries:
        theirs = ", ".join(regime.countries)
        raise Refusal(
            f"{name} is for creditors in {theirs}, and this one is in {creditor.country}; name another regime in "
            "the creditor's document, under interest",
            code="regime_of_another_country",
        )
    return regime, debtor
