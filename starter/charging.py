"""Late charges, for whoever claims them: by the regimes of POLICIES_DIR, up to a day that is over or begun."""

from datetime import datetime
from pathlib import Path

from cadence import events as e
from ledger.access import Ledger
from ledger.charging import Claim, claim_charges, claimed, worked_out
from ledger.interest import owed_by
from ledger.unit import Held, Origin, Unit
from starter.interest import regimes_in
from starter.session import Refusal
from starter.standing import Expect, Told, act_on


async def preview(ledger: Ledger, policies_dir: Path, number: str, claim: Claim) -> e.LateChargesClaimed:
    """What a claim would be now; raises what `charge` raises, and records nothing."""
    owed = await owed_by(ledger, number)
    regime, found = worked_out(ledger.creditor, owed, regimes_in(policies_dir), claim.until)
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

    Raises UnknownInvoice, Refusal where the day lies ahead, and what `claim_charges` raises.
    """
    today = now.astimezone(ledger.creditor.timezone).date()
    if claim.until > today:
        raise Refusal(f"{claim.until} is not over yet; claim up to {today}", code="future", field="until")

    async def act(unit: Unit, held: Held) -> bool:
        return await claim_charges(unit, held, regimes_in(policies_dir), claim, origin)

    return await act_on(ledger, number, act, now, expect)
