"""Approvals: a step that waits for leave may go, or is not to."""

from datetime import datetime
from typing import Any

from cadence import events as e
from ledger.recording import waiting_step
from starter.acts.checks import UNSPECIFIED
from starter.session import Refusal
from starter.standing import Report, Standing


def approve(stands: Standing, now: datetime, *, step: str | None = None) -> Report:
    """The `step` may go, the only one that waits for leave if None; it does in the next send window."""
    return Report(e.ApprovalGiven.model_validate(_waiting(stands, step)), now)


def refuse(stands: Standing, now: datetime, *, step: str | None = None, reason: str = UNSPECIFIED) -> Report:
    """The `step` is not to go, the only one that waits if None; the later ones do. `reason` is a code."""
    return Report(e.ApprovalRefused.model_validate(_waiting(stands, step) | {"reason": reason}), now)


def _waiting(stands: Standing, step: str | None) -> dict[str, Any]:
    try:
        return waiting_step(stands.facts.awaiting, step)
    except ValueError as error:
        raise Refusal(
            f"{stands.number}: {error}", code="not_awaiting_approval", field="step" if step else None
        ) from None
