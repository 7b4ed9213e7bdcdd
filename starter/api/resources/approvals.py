"""Approvals: the steps that wait for a manager's yes or no, and the answers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict

from cadence.words import Slug
from ledger.approvals import ApprovalLine, list_approvals
from starter import acts
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.resources.words import Reader, Remark, Serving, Why, cursor_of
from starter.api.resources.writing import INVOICE, StatusAnswer, Write
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.standing import Report, Standing

router = APIRouter(tags=["approvals"])

Approver = Annotated[Caller, Depends(may(Permission.APPROVE))]


class ApprovalOrder(Remark):
    """Which step may go, where more than one waits."""

    model_config = ConfigDict(json_schema_extra={"example": {"step": "final-notice"}})

    step: Slug | None = None


class RefusalOrder(Why):
    """Which step is not to go, where more than one waits, and why."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "new-contact"}})

    step: Slug | None = None


@router.get("/v1/approvals")
async def list_waiting(
    held: Serving, _caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ApprovalLine]:
    """List the steps that wait for approval, the first asked first; a page may hold fewer than it could."""
    after = decode_cursor(cursor, case=int)["case"] if cursor else None
    found, more = await list_approvals(held.ledger.engine, after=after, limit=limit)
    return Page(items=found, next=cursor_of({"case": more} if more else None))


@router.post(INVOICE + "/approval")
async def approve_step(write: Write, order: ApprovalOrder, caller: Approver) -> StatusAnswer:
    """Let a step go that waits for approval: it does in the next send window."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.approve(stands, now, step=order.step)

    return await write.tell(caller.origin(note=order.note), judge)


@router.post(INVOICE + "/refusal")
async def refuse_step(write: Write, order: RefusalOrder, caller: Approver) -> StatusAnswer:
    """Do not let a step go that waits for approval: the later ones do."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.refuse(stands, now, step=order.step, reason=order.reason)

    return await write.tell(caller.origin(note=order.note), judge)
