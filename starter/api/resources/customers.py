"""Customers: found, read as a card, and left alone for a while with all their invoices."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.words import Slug
from ledger import searching
from ledger.unit import Origin
from ledger.views import CustomerLine, CustomerView
from starter import acts
from starter.api.etags import answer, require_match
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.resources.words import CustomerKey, HoldOrder, Reader, Remark, Serving, cursor_of
from starter.api.roles import Permission
from starter.api.service import Caller, service
from starter.standing import CustomerStanding, report_customer

router = APIRouter(tags=["customers"])
# A key may hold slashes, written as %2F.
CUSTOMER = "/v1/customers/{key:path}"

Steerer = Annotated[Caller, Depends(may(Permission.STEER_INVOICE))]
Text = Annotated[searching.Words | None, Query(description="In the key, the name, an address or a number.")]
Segment = Annotated[Slug | None, Query(description="In this segment.")]


class Writing:
    """What a write to the customer in the path needs: the ledger, the clock, and the caller's If-Match."""

    def __init__(self, request: Request, response: Response, key: CustomerKey) -> None:
        self.request, self.response, self.key = request, response, key
        self.ledger, self.clock = service(request).ledger, service(request).clock

    async def tell(
        self, origin: Origin, judge: Callable[[CustomerStanding, datetime], Sequence[e.CustomerEvent]]
    ) -> CustomerView:
        """Record what `judge` makes of the customer, and answer with how they stand then."""
        await report_customer(
            self.ledger, self.key, origin, judge, self.clock(), self._as_the_caller_saw_them
        )
        async with self.ledger.engine.connect() as connection:
            return answer(self.response, await searching.customer_view(connection, self.key))

    async def _as_the_caller_saw_them(self, connection: AsyncConnection) -> None:
        if "If-Match" in self.request.headers:
            require_match(self.request, await searching.customer_view(connection, self.key))


Write = Annotated[Writing, Depends()]


@router.get("/v1/customers")
async def list_customers(
    held: Serving,
    _caller: Reader,
    text: Text = None,
    segment: Segment = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[CustomerLine]:
    """Search customers, ordered by their key."""
    found = await searching.search_customers(
        held.ledger.engine,
        text=text,
        segment=segment,
        after=decode_cursor(cursor, key=str) if cursor else None,
        limit=limit,
    )
    return Page(items=found.items, next=cursor_of(found.next))


@router.get(CUSTOMER)
async def show_customer(held: Serving, response: Response, _caller: Reader, key: CustomerKey) -> CustomerView:
    """Show a customer: how they may be reached, their holds, and how their invoices stand."""
    async with held.ledger.engine.connect() as connection:
        return answer(response, await searching.customer_view(connection, key))


@router.post(CUSTOMER + "/hold")
async def hold_customer(write: Write, order: HoldOrder, caller: Steerer) -> CustomerView:
    """Send a customer no reminders for a while, for any invoice, those that come meanwhile too."""
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: acts.pause_customer(stands, now, until=order.until, reason=order.reason),
    )


@router.post(CUSTOMER + "/release")
async def release_customer(write: Write, order: Remark, caller: Steerer) -> CustomerView:
    """End the customer's holds, here and on each of their invoices."""
    return await write.tell(caller.origin(note=order.note), acts.resume_customer)
