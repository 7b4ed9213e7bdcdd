"""What happened to an invoice, told by people and by other systems: the writes, each with its order."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from cadence.words import Currency, Slug
from ledger.movements import PAYMENT_SOURCE
from starter import acts
from starter.api.identity import may
from starter.api.resources.words import (
    Amount,
    EventId,
    HoldOrder,
    Method,
    Remark,
    Why,
)
from starter.api.resources.writing import INVOICE, StatusAnswer, Write
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.standing import Report, Standing
from starter.written import WrittenDay, WrittenInstant

router = APIRouter(tags=["invoices"])

Payer = Annotated[Caller, Depends(may(Permission.REPORT_PAYMENT))]
Steerer = Annotated[Caller, Depends(may(Permission.STEER_INVOICE))]
Closer = Annotated[Caller, Depends(may(Permission.CLOSE_INVOICE))]


class MoneyOrder(Remark):
    """Money that came or was taken back; told again under the same id, it counts once."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "bank-2026-11-30-0007",
                "amount": "120.50",
                "currency": "EUR",
                "at": "2026-11-30T14:30:00+00:00",
            }
        }
    )

    id: EventId
    amount: Amount
    currency: Currency
    at: WrittenInstant | None = Field(None, description="When it happened; now if left out.")


class PaymentOrder(MoneyOrder):
    """A payment; `method` is a code such as `pix`."""

    method: Method = ""


class PromiseOrder(Remark):
    """A promise to pay by the end of the day `by`, where the customer is.

    Without an amount it is for all that is open and not promised; `method` is how, as a code such as `boleto`;
    with `replaces` it takes the place of the promises that are open.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"by": "2026-12-10", "amount": "60.00", "method": "transfer"}}
    )

    by: WrittenDay
    amount: Amount | None = None
    method: Method = ""
    replaces: bool = False


class ExtensionOrder(Why):
    """The new due date, later than the one so far."""

    model_config = ConfigDict(json_schema_extra={"example": {"to": "2026-12-31", "reason": "goods-late"}})

    to: WrittenDay


class EscalationOrder(Remark):
    """The stage to go to; the next one without it."""

    model_config = ConfigDict(json_schema_extra={"example": {"stage": "final"}})

    stage: Slug | None = None


@router.post(INVOICE + "/payments")
async def report_payment(write: Write, order: PaymentOrder, caller: Payer) -> StatusAnswer:
    """Take note of a payment; the invoice closes when nothing is left to pay."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.pay(stands, now, **order.model_dump(include={"amount", "currency", "at", "method"}))

    return await write.tell(caller.origin(PAYMENT_SOURCE, order.id, order.note), judge, order.amount)


@router.post(INVOICE + "/reversals")
async def report_reversal(write: Write, order: MoneyOrder, caller: Payer) -> StatusAnswer:
    """Take note that a payment was taken back; a paid invoice opens again."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.reverse(stands, now, **order.model_dump(include={"amount", "currency", "at"}))

    return await write.tell(caller.origin(acts.REVERSAL_SOURCE, order.id, order.note), judge, order.amount)


@router.post(INVOICE + "/promises")
async def make_promise(write: Write, order: PromiseOrder, caller: Steerer) -> StatusAnswer:
    """Take note of a promise to pay: reminders wait for that day."""
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: acts.promise(stands, now, **order.model_dump(exclude={"note"})),
    )


@router.post(INVOICE + "/hold")
async def hold_invoice(write: Write, order: HoldOrder, caller: Steerer) -> StatusAnswer:
    """Send no reminders for an invoice for a while; without an end, a case opens."""
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: acts.pause(stands, now, until=order.until, reason=order.reason),
    )


@router.post(INVOICE + "/release")
async def release_invoice(write: Write, order: Remark, caller: Steerer) -> StatusAnswer:
    """End every hold of an invoice: the ruler goes on."""
    return await write.tell(caller.origin(note=order.note), acts.resume)


@router.post(INVOICE + "/escalation")
async def escalate_invoice(write: Write, order: EscalationOrder, caller: Steerer) -> StatusAnswer:
    """Move an invoice to a later stage: its first step comes in the next window."""
    return await write.tell(
        caller.origin(note=order.note), lambda stands, now: acts.escalate(stands, now, stage=order.stage)
    )


@router.post(INVOICE + "/extension")
async def extend_invoice(write: Write, order: ExtensionOrder, caller: Steerer) -> StatusAnswer:
    """Give the customer longer to pay: the steps after the due date begin anew from the later one."""
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: acts.extend(stands, now, to=order.to, reason=order.reason),
    )


@router.post(INVOICE + "/cancellation")
async def cancel_invoice(write: Write, order: Why, caller: Closer) -> StatusAnswer:
    """Close an invoice that is not to be collected."""
    return await write.tell(
        caller.origin(note=order.note), lambda stands, now: acts.cancel(stands, now, reason=order.reason)
    )
