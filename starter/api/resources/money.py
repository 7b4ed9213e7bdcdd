"""Money beyond one payment of one invoice: shared out over several, credited, lying to a customer's good, refunded."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field, StringConstraints

from cadence.words import Line
from ledger import crediting
from ledger.allocating import Allocated, CustomerPayment, pay_customer, reverse_payment
from ledger.charging import Claim
from ledger.crediting import CustomerCredit
from ledger.movements import CREDIT_NOTE_SOURCE, PAYMENT_SOURCE, REFUND_SOURCE, REVERSAL_SOURCE
from ledger.unit import Held, Unit
from starter import acts
from starter.api.identity import may
from starter.api.problems import ApiProblem
from starter.api.resources.telling import Closer, MoneyOrder, Payer, PaymentOrder
from starter.api.resources.words import (
    Amount,
    CustomerKey,
    EventId,
    Order,
    Reader,
    Remark,
    Serving,
    creditors_today,
)
from starter.api.resources.writing import INVOICE, StatusAnswer, Write
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.standing import Report, Standing
from starter.written import WrittenDay, WrittenInstant

router = APIRouter(tags=["money"])

Settler = Annotated[Caller, Depends(may(Permission.SETTLE_PAYMENT))]


class CreditUse(Remark):
    """How much of the customer's credit to use; without an amount, as much as is owed or there is."""

    model_config = ConfigDict(json_schema_extra={"example": {"id": "credit-use-0001", "amount": "30.50"}})

    id: EventId
    amount: Amount | None = None


Manager = Annotated[Caller, Depends(may(Permission.CLAIM_CHARGES))]


class ChargesOrder(Remark):
    """Late charges to be claimed up to the day `until` (today if left out): interest, and what comes once."""

    model_config = ConfigDict(json_schema_extra={"example": {"until": "2026-11-20", "costs": False}})

    until: WrittenDay | None = None
    interest: bool = True
    costs: bool = True


@router.post(INVOICE + "/late-charges/waiver")
async def waive_late_charges(write: Write, order: Remark, caller: Manager) -> StatusAnswer:
    """Give up late interest and costs that are claimed and not paid."""
    return await write.tell(caller.origin(note=order.note), acts.waive)


@router.post(INVOICE + "/late-charges")
async def claim_late_charges(
    write: Write, held: Serving, order: ChargesOrder, caller: Manager
) -> StatusAnswer:
    """Claim late interest and costs as the regime allows: the balance rises. No day, and no fixed sum, twice."""
    claim = Claim(order.until or creditors_today(held), order.interest, order.costs)
    return await write.charge(held.settings.policies_dir, claim, caller.origin(note=order.note))


class InvoiceShare(Order):
    """What of a payment is for one invoice, by the creditor's own number."""

    model_config = ConfigDict(json_schema_extra={"example": {"invoice": "2026-0117", "amount": "20.50"}})

    invoice: Annotated[Line, StringConstraints(max_length=60)]
    amount: Amount


class CustomerPaymentOrder(PaymentOrder):
    """A payment for several invoices: the `shares` that are named, and the rest to the oldest due first."""

    shares: Annotated[tuple[InvoiceShare, ...], Field(max_length=500)] = ()


class CustomerReversalOrder(Remark):
    """The payment that was taken back, by its own id: `amount` of it, or all that is left."""

    model_config = ConfigDict(json_schema_extra={"example": {"id": "back-0007", "payment": "bank-0007"}})

    id: EventId
    payment: EventId
    amount: Amount | None = None
    at: WrittenInstant | None = Field(None, description="When it happened; now if left out.")


@router.post("/v1/customers/{key:path}/payments")
async def pay_for_customer(
    held: Serving, caller: Payer, key: CustomerKey, order: CustomerPaymentOrder
) -> Allocated:
    """Share a payment out over the customer's open invoices; told again under its id, it counts once."""
    now, named = held.clock(), {share.invoice: share.amount for share in order.shares}
    if len(named) < len(order.shares):
        raise ApiProblem(422, "invoice_named_twice", "an invoice has one share; add its sums up")
    at = acts.happened(order.at, now)
    payment = CustomerPayment(order.id, order.amount, order.currency, at, order.method, named)
    origin = caller.origin(PAYMENT_SOURCE, order.id, order.note)
    customer_id = await held.ledger.customer_id(key)
    return await pay_customer(held.ledger, customer_id, payment, origin, now)


@router.post("/v1/customers/{key:path}/reversals")
async def reverse_for_customer(
    held: Serving, caller: Payer, key: CustomerKey, order: CustomerReversalOrder
) -> Allocated:
    """Take a payment back from every invoice that it was shared out over, the youngest debt first."""
    now, origin = held.clock(), caller.origin(REVERSAL_SOURCE, order.id, order.note)
    at = acts.happened(order.at, now)
    customer_id = await held.ledger.customer_id(key)
    return await reverse_payment(held.ledger, customer_id, order.payment, order.amount, origin, at, now)


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
