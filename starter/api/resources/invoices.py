"""Invoices: found, read as a story or as a status, and told what happened to them."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.interest import Interest
from cadence.why import Because
from cadence.words import Currency, Slug
from ledger import queries, searching
from ledger.explaining import why
from ledger.movements import PAYMENT_SOURCE
from ledger.unit import Origin
from ledger.views import InvoiceLine, InvoiceStatus, InvoiceStory
from starter import acts
from starter.api.etags import answer, etag_of, require_match
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Page, decode_cursor
from starter.api.problems import ApiProblem
from starter.api.resources.words import (
    Amount,
    EventId,
    HoldOrder,
    Method,
    Number,
    Reader,
    Remark,
    Serving,
    Why,
    creditors_today,
    cursor_of,
)
from starter.api.roles import Permission
from starter.api.service import Caller, service
from starter.interest import interest_on
from starter.standing import Expect, Report, Standing, report

router = APIRouter(tags=["invoices"])
# A number may hold slashes, written as %2F.
INVOICE = "/v1/invoices/{number:path}"

StatusReader = Annotated[Caller, Depends(may(Permission.READ_STATUS))]
Payer = Annotated[Caller, Depends(may(Permission.REPORT_PAYMENT))]
Steerer = Annotated[Caller, Depends(may(Permission.STEER_INVOICE))]
Closer = Annotated[Caller, Depends(may(Permission.CLOSE_INVOICE))]


class InvoiceSearch(searching.InvoiceFilter):
    """Which invoices, in which order, and which page of them."""

    sort: searching.Sort = Field(
        "next", description="What comes next first, the earliest due first, or the largest balance first."
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=200)
    cursor: str | None = Field(None, max_length=1_000, description="`next` of the page before.")


class StatusAnswer(InvoiceStatus):
    """How an invoice stands after a write; `recorded` is false where it was told before under that id."""

    recorded: bool


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
    at: AwareDatetime | None = Field(None, description="When it happened; now if left out.")


class PaymentOrder(MoneyOrder):
    """A payment; `method` is a code such as `pix`."""

    method: Method = ""


class PromiseOrder(Remark):
    """A promise to pay by the end of the day `by`, where the customer is; all that is open without an amount."""

    model_config = ConfigDict(json_schema_extra={"example": {"by": "2026-12-10", "amount": "60.00"}})

    by: date
    amount: Amount | None = None


class ResolutionOrder(Remark):
    """How a dispute ended; `upheld` credits what is open, and so needs leave to close an invoice."""

    model_config = ConfigDict(json_schema_extra={"example": {"outcome": "rejected"}})

    outcome: acts.Outcome


class EscalationOrder(Remark):
    """The stage to go to; the next one without it."""

    model_config = ConfigDict(json_schema_extra={"example": {"stage": "final"}})

    stage: Slug | None = None


class Writing:
    """What a write to the invoice in the path needs: the ledger, the clock, and the caller's If-Match."""

    def __init__(self, request: Request, response: Response, number: Number) -> None:
        self.request, self.response, self.number = request, response, number
        self.ledger, self.clock = service(request).ledger, service(request).clock

    async def tell(
        self, origin: Origin, judge: Callable[[Standing, datetime], Report], amount: Decimal | None = None
    ) -> StatusAnswer:
        """Record what `judge` makes of the invoice, and answer with how it stands then."""
        told = await report(
            self.ledger, self.number, origin, judge, self.clock(), amount=amount, expect=self._expect()
        )
        self.response.headers["ETag"] = etag_of(told.status)
        return StatusAnswer(**told.status.model_dump(), recorded=told.recorded)

    def _expect(self) -> Expect | None:
        return self._as_the_caller_saw_it if "If-Match" in self.request.headers else None

    async def _as_the_caller_saw_it(self, connection: AsyncConnection) -> None:
        """The tag is that of the status, or that of the story: whichever the caller reads."""
        try:
            require_match(self.request, await searching.status_of(connection, self.number))
        except ApiProblem:
            require_match(self.request, await queries.story_of(connection, self.number))


Write = Annotated[Writing, Depends()]


@router.get("/v1/invoices")
async def list_invoices(
    held: Serving, _caller: Reader, search: Annotated[InvoiceSearch, Query()]
) -> Page[InvoiceLine]:
    """Search and filter invoices."""
    kinds = {name: kind for name, (_, kind) in searching.ORDERS[search.sort].items()}
    found = await searching.search_invoices(
        held.ledger.engine,
        search,
        today=creditors_today(held),
        sort=search.sort,
        after=decode_cursor(search.cursor, **kinds) if search.cursor else None,
        limit=search.limit,
    )
    return Page(items=found.items, next=cursor_of(found.next))


@router.get(INVOICE + "/why")
async def explain_invoice(held: Serving, _caller: Reader, number: Number) -> list[Because]:
    """Say of every step, past and to come, what becomes of it, and by which rule, in the rule's words."""
    return await why(held.ledger, number, held.clock())


@router.get(INVOICE + "/interest")
async def show_interest(
    held: Serving,
    _caller: Reader,
    number: Number,
    until: Annotated[
        date | None, Query(description="The last day that counts; today at the creditor's if left out.")
    ] = None,
) -> Interest:
    """Show what late interest and fees an invoice would bear. It informs: nothing is charged, nobody is told."""
    return await interest_on(held.ledger, held.settings.policies_dir, number, until or creditors_today(held))


@router.get(INVOICE + "/status")
async def invoice_status(
    held: Serving, response: Response, _caller: StatusReader, number: Number
) -> InvoiceStatus:
    """Say where an invoice stands, with nothing about who owes it."""
    async with held.ledger.engine.connect() as connection:
        return answer(response, await searching.status_of(connection, number))


@router.get(INVOICE)
async def show_invoice(held: Serving, response: Response, _caller: Reader, number: Number) -> InvoiceStory:
    """Tell an invoice's whole story: what happened, what was sent, what comes next and why."""
    return answer(response, await queries.show_invoice(held.ledger.engine, number))


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


@router.post(INVOICE + "/disputes/resolution")
async def resolve_dispute(write: Write, order: ResolutionOrder, caller: Steerer) -> StatusAnswer:
    """End a dispute: upheld (the customer is right), rejected or withdrawn."""
    if order.outcome == "upheld" and Permission.CLOSE_INVOICE not in caller.permissions:
        raise ApiProblem(
            403,
            "not_allowed",
            "to uphold a dispute credits the invoice, which needs the permission close_invoice; ask a manager",
        )
    return await write.tell(
        caller.origin(note=order.note), lambda stands, now: acts.resolve(stands, now, outcome=order.outcome)
    )


@router.post(INVOICE + "/disputes")
async def open_dispute(write: Write, order: Why, caller: Steerer) -> StatusAnswer:
    """Take note that the customer disputes the invoice: reminders stop, a case opens."""
    return await write.tell(
        caller.origin(note=order.note), lambda stands, now: acts.dispute(stands, now, reason=order.reason)
    )


@router.post(INVOICE + "/promises")
async def make_promise(write: Write, order: PromiseOrder, caller: Steerer) -> StatusAnswer:
    """Take note of a promise to pay: reminders wait for that day."""
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: acts.promise(stands, now, by=order.by, amount=order.amount),
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


@router.post(INVOICE + "/cancellation")
async def cancel_invoice(write: Write, order: Why, caller: Closer) -> StatusAnswer:
    """Close an invoice that is not to be collected."""
    return await write.tell(
        caller.origin(note=order.note), lambda stands, now: acts.cancel(stands, now, reason=order.reason)
    )
