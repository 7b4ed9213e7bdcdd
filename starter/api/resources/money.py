"""Credit notes, and the credit of customers: told, listed, used and refunded."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict

from ledger import crediting
from ledger.crediting import CustomerCredit
from ledger.movements import CREDIT_NOTE_SOURCE, REFUND_SOURCE
from ledger.unit import Held, Unit
from starter import acts
from starter.api.identity import may
from starter.api.resources.telling import Closer, MoneyOrder, Payer
from starter.api.resources.words import Amount, CustomerKey, EventId, Reader, Remark, Serving
from starter.api.resources.writing import INVOICE, StatusAnswer, Write
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.standing import Report, Standing

router = APIRouter(tags=["money"])

Settler = Annotated[Caller, Depends(may(Permission.SETTLE_PAYMENT))]


class CreditUse(Remark):
    """How much of the customer's credit to use; without an amount, as much as is owed or there is."""

    model_config = ConfigDict(json_schema_extra={"example": {"id": "credit-use-0001", "amount": "30.50"}})

    id: EventId
    amount: Amount | None = None


@router.post(INVOICE + "/credit-notes")
async def issue_credit_note(write: Write, order: MoneyOrder, caller: Closer) -> StatusAnswer:
    """Credit a part of what was invoiced; the invoice closes when nothing is left, and what is too much is credit."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.credit_note(stands, now, **order.model_dump(include={"amount", "currency", "at"}))

    return await write.tell(caller.origin(CREDIT_NOTE_SOURCE, order.id, order.note), judge, order.amount)


@router.post(INVOICE + "/refunds")
async def report_refund(write: Write, order: MoneyOrder, caller: Payer) -> StatusAnswer:
    """Take note that credit was given back to the customer."""

    def judge(stands: Standing, now: datetime) -> Report:
        return acts.refund(stands, now, **order.model_dump(include={"amount", "currency", "at"}))

    return await write.tell(caller.origin(REFUND_SOURCE, order.id, order.note), judge, order.amount)


@router.post(INVOICE + "/credit")
async def use_credit(write: Write, order: CreditUse, caller: Settler) -> StatusAnswer:
    """Move credit of the same customer and currency onto this invoice, the oldest due first; once for each id."""
    origin = caller.origin(crediting.INTO, order.id, order.note)

    async def act(unit: Unit, held: Held) -> bool:
        return (await crediting.use_credit(unit, held, order.amount, origin)).recorded

    return await write.act(act)


@router.get("/v1/customers/{key:path}/credit")
async def show_credit(held: Serving, _caller: Reader, key: CustomerKey) -> CustomerCredit:
    """Show what lies to a customer's good, in each currency, and on which invoices."""
    return await crediting.credit_of(held.ledger.engine, key)
