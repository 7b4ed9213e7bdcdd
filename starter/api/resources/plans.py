"""Payment plans: agreed and ended, told by people and by other systems."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from starter import acts
from starter.api.identity import may
from starter.api.resources.words import Amount, Method, Remark, Why
from starter.api.resources.writing import INVOICE, StatusAnswer, Write
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.standing import Report, Standing
from starter.written import WrittenDay

router = APIRouter(tags=["invoices"])

Steerer = Annotated[Caller, Depends(may(Permission.STEER_INVOICE))]


class InstalmentOrder(BaseModel):
    """One part of a plan: its amount by the end of a day, where the customer is."""

    model_config = ConfigDict(extra="forbid")

    due_on: WrittenDay
    amount: Amount


class PlanOrder(Remark):
    """The instalments in the order of their days, together what is open at most; `method` is how, as a code.

    A plan takes the place of promises and of an earlier plan.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "instalments": [
                    {"due_on": "2026-12-10", "amount": "60.00"},
                    {"due_on": "2027-01-10", "amount": "60.50"},
                ]
            }
        }
    )

    instalments: Annotated[list[InstalmentOrder], Field(min_length=1, max_length=60)]
    method: Method = ""


# Before the other, whose path would take `plan/end` for an invoice's number and a plan.
@router.post(INVOICE + "/plan/end")
async def end_plan(write: Write, order: Why, caller: Steerer) -> StatusAnswer:
    """End the payment plan of an invoice: the ruler goes on from its next step."""
    return await write.tell(
        caller.origin(note=order.note), lambda stands, now: acts.end_plan(stands, now, reason=order.reason)
    )


@router.post(INVOICE + "/plan")
async def agree_plan(write: Write, order: PlanOrder, caller: Steerer) -> StatusAnswer:
    """Agree that an invoice is paid in instalments: its reminders rest while the plan stands."""
    instalments = [(each.due_on, each.amount) for each in order.instalments]

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.agree_plan(stands, now, instalments=instalments, method=order.method)

    return await write.tell(caller.origin(note=order.note), judge)
