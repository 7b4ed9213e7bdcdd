"""Disputes, told by people and by other systems: opened or confirmed, given to somebody, resolved."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from cadence.words import Slug
from starter import acts
from starter.api.identity import may
from starter.api.problems import ApiProblem
from starter.api.resources.words import Amount, Remark, Why
from starter.api.resources.writing import INVOICE, StatusAnswer, Write
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.standing import Report, Standing
from starter.written import WrittenDay

router = APIRouter(tags=["invoices"])

Steerer = Annotated[Caller, Depends(may(Permission.STEER_INVOICE))]
AnswerBy = Annotated[
    WrittenDay | None,
    Field(description="The creditor's last day to answer; then a case says that it is late."),
]


class DisputeOrder(Why):
    """What is disputed: a part of the invoice, or all of it without an amount; who deals with it, and until when."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"reason": "wrong-amount", "amount": "20.50", "owner": "sales"}}
    )

    amount: Amount | None = None
    owner: Slug | None = None
    answer_by: AnswerBy = None


class AssignmentOrder(Remark):
    """Who deals with a dispute, a code, and until when; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"example": {"owner": "sales"}})

    owner: Slug | None = None
    answer_by: AnswerBy = None


class ResolutionOrder(Remark):
    """How a dispute ended; `upheld` credits what was disputed, or `credit`, and so needs leave to close an invoice."""

    model_config = ConfigDict(json_schema_extra={"example": {"outcome": "rejected"}})

    outcome: acts.Outcome
    credit: Amount | None = None


@router.post(INVOICE + "/disputes/assignment")
async def assign_dispute(write: Write, order: AssignmentOrder, caller: Steerer) -> StatusAnswer:
    """Say who deals with a dispute, or by when it is answered; the deadline's end opens a case."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.assign_dispute(stands, now, owner=order.owner, answer_by=order.answer_by)

    return await write.tell(caller.origin(note=order.note), judge)


@router.post(INVOICE + "/disputes/resolution")
async def resolve_dispute(write: Write, order: ResolutionOrder, caller: Steerer) -> StatusAnswer:
    """End a dispute: upheld (the customer is right), rejected or withdrawn."""
    if order.outcome == "upheld" and Permission.CLOSE_INVOICE not in caller.permissions:
        raise ApiProblem(
            403,
            "not_allowed",
            "to uphold a dispute credits the invoice, which needs the permission close_invoice; ask a manager",
        )

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.resolve(stands, now, outcome=order.outcome, credit=order.credit)

    return await write.tell(caller.origin(note=order.note), judge)


@router.post(INVOICE + "/disputes")
async def open_dispute(write: Write, order: DisputeOrder, caller: Steerer) -> StatusAnswer:
    """Take note that the customer disputes the invoice, or a part of it: reminders stop, a case opens."""

    def judge(stands: Standing, now: datetime) -> Report:
        said = order.model_dump(include={"reason", "amount", "answer_by"})
        return acts.dispute(stands, now, owner=order.owner or "", **said)

    return await write.tell(caller.origin(note=order.note), judge)
