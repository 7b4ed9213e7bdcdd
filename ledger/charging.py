"""Late charges: what a regime allows is claimed from a locked invoice, on what its log tells."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cadence import events as e
from cadence.creditor import Creditor
from cadence.facts import InvoiceFacts
from cadence.interest import Interest, InterestRefused, accrued
from cadence.interest_regimes import Regime
from cadence.words import Debtor
from ledger.database import LedgerError
from ledger.interest import Owed, owed_on
from ledger.unit import Held, Origin, Unit

Regimes = Callable[[str], Regime]
"""Finds a regime by its name; raises DocumentError where its file cannot be read."""

ZERO = Decimal(0)


class ChargesRefused(LedgerError):
    """Late charges cannot be worked out, or there are none to claim, as the invoice stands."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be claimed: up to which day, and whether interest, and what comes once (fixed sum, fine)."""

    until: date
    interest: bool = True
    costs: bool = True


def worked_out(creditor: Creditor, owed: Owed, regimes: Regimes, until: date) -> tuple[Regime, Interest]:
    """The regime that fits a debt, and what it gives up to the day `until`. Raises DocumentError and ChargesRefused."""
    regime, debtor = _regime(creditor, owed.debtor, regimes)
    try:
        return regime, accrued(regime, owed.debt, until, debtor)
    except InterestRefused as refused:
        raise ChargesRefused(refused.code, str(refused)) from None


async def claim_charges(unit: Unit, held: Held, regimes: Regimes, claim: Claim, origin: Origin) -> bool:
    """Claim late interest and costs from a locked invoice: its balance rises by them. False where told before.

    Never a day twice, nor what comes once. Raises DocumentError, and ChargesRefused where the invoice is closed, no
    regime fits its debtor, a figure is not known, or nothing is left to claim.
    """
    number = str(held.row["number"])
    owed = await owed_on(unit.connection, unit.creditor.timezone, number)
    regime, found = worked_out(unit.creditor, owed, regimes, claim.until)
    return await unit.tell(held, claimed(number, held.facts, regime, found, claim), origin)


def claimed(
    number: str, facts: InvoiceFacts, regime: Regime, found: Interest, claim: Claim
) -> e.LateChargesClaimed:
    """The event of a claim of what a regime gives; raise ChargesRefused where nothing is left to claim."""
    if facts.closed:
        raise ChargesRefused(
            "closed", f"{number} is closed as {facts.closed}; late charges are claimed while it is open"
        )
    interest = found.interest if claim.interest else ZERO
    once = claim.costs and bool(found.once)
    costs = sum((each.amount for each in found.once), ZERO) if once else ZERO
    if not interest + costs:
        raise ChargesRefused(
            "nothing_to_claim", f"{number} bears nothing up to {claim.until} that is not claimed yet"
        )
    return e.LateChargesClaimed(
        interest=interest,
        costs=costs,
        currency=found.currency,
        up_to=claim.until if interest else None,
        once=once,
        regime=regime.name,
        order=regime.appropriation.order,
    )


def _regime(creditor: Creditor, debtor: Debtor | None, regimes: Regimes) -> tuple[Regime, Debtor]:
    if debtor is None:
        raise ChargesRefused(
            "debtor_not_said",
            "its cadence does not say whom it is for, and late interest differs; write `debtors: business` or "
            "`debtors: consumer` into the cadence",
        )
    name = creditor.interest.regime_for(debtor)
    if name is None:
        raise ChargesRefused(
            "no_regime",
            f"the creditor's document names no regime against a {debtor}; write `interest: {{{debtor}: ...}}` there, "
            "with the name of a file of policies/interest/",
        )
    regime = regimes(name)
    if regime.countries and creditor.country not in regime.countries:
        theirs = ", ".join(regime.countries)
        raise ChargesRefused(
            "regime_of_another_country",
            f"{name} is for creditors in {theirs}, and this one is in {creditor.country}; name another regime in "
            "the creditor's document, under interest",
        )
    return regime, debtor
