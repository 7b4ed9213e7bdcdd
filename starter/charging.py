"""Late charges: what a regime allows is claimed from an invoice, on what the ledger knows under its lock."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from cadence import events as e
from cadence.facts import InvoiceFacts
from cadence.interest import Interest
from cadence.interest_regimes import Regime
from ledger.access import Ledger
from ledger.interest import owed_by, owed_on
from ledger.unit import Held, Origin, Unit
from starter.interest import worked_out
from starter.session import Refusal
from starter.standing import Expect, Told, act_on

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be claimed: up to which day, and whether interest, and what comes once (fixed sum, fine)."""

    until: date
    interest: bool = True
    costs: bool = True


async def preview(ledger: Ledger, policies_dir: Path, number: str, claim: Claim) -> e.LateChargesClaimed:
    """What a claim would be now; raises what `charge` raises, and records nothing."""
    owed = await owed_by(ledger, number)
    regime, found = worked_out(ledger.creditor, owed, policies_dir, claim.until)
    return claimed(number, owed.facts, regime, found, claim)


async def charge(
    ledger: Ledger,
    policies_dir: Path,
    number: str,
    claim: Claim,
    origin: Origin,
    now: datetime,
    expect: Expect | None = None,
) -> Told:
    """Claim late interest and costs from the creditor's invoice `number`: its balance rises by them.

    Never a day twice, nor what comes once. Raises UnknownInvoice, DocumentError, and Refusal where the invoice is
    closed, no regime fits its debtor, a figure is not known, or nothing is left to claim.
    """
    today = now.astimezone(ledger.creditor.timezone).date()
    if claim.until > today:
        raise Refusal(f"{claim.until} is not over yet; claim up to {today}", code="future", field="until")

    async def act(unit: Unit, held: Held) -> bool:
        owed = await owed_on(unit.connection, ledger.creditor.timezone, number)
        regime, found = worked_out(ledger.creditor, owed, policies_dir, claim.until)
        return await unit.tell(held, claimed(number, held.facts, regime, found, claim), origin)

    return await act_on(ledger, number, act, now, expect)


def claimed(
    number: str, facts: InvoiceFacts, regime: Regime, found: Interest, claim: Claim
) -> e.LateChargesClaimed:
    """The event of a claim of what a regime gives; raise Refusal where nothing is left to claim."""
    if facts.closed:
        raise Refusal(
            f"{number} is closed as {facts.closed}; late charges are claimed while it is open", code="closed"
        )
    interest = found.interest if claim.interest else ZERO
    once = claim.costs and bool(found.once)
    costs = sum((each.amount for each in found.once), ZERO) if once else ZERO
    if not interest + costs:
        raise Refusal(
            f"{number} bears nothing up to {claim.until} that is not claimed yet", code="nothing_to_claim"
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
