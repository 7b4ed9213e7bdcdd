"""Customers: found, read as a card, left alone for a while, and reached only as law and their own wish allow."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence import events as e
from cadence.spans import Weekday
from cadence.words import Channel, ChannelReason, DayHours, PersonReason, Slug
from ledger import searching
from ledger.account import account_of
from ledger.filters import Words
from ledger.unit import Origin
from ledger.views import ContactCard, CustomerLine, CustomerView
from starter import acts, wishes
from starter.api.etags import answer, require_match
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.resources.words import (
    CustomerKey,
    HoldOrder,
    Note,
    Order,
    Reader,
    Remark,
    Serving,
    cursor_of,
)
from starter.api.roles import Permission
from starter.api.service import Caller, service
from starter.standing import CustomerStanding, report_customer
from starter.whose import Whose
from starter.written import WrittenInstant
from templates.statement import MEDIA_TYPE, render_statement

router = APIRouter(tags=["customers"])
# A key may hold slashes, written as %2F.
CUSTOMER = "/v1/customers/{key:path}"

Steerer = Annotated[Caller, Depends(may(Permission.STEER_INVOICE))]
Text = Annotated[Words | None, Query(description="In the key, the name, an address or a number.")]
Segment = Annotated[Slug | None, Query(description="In this segment.")]


Role = Annotated[
    Slug | None, Field(description="Of the contacts with this role, not of the billing contact.")
]
Address = Annotated[
    str | None, Field(max_length=254, description="Of this e-mail address or number (in full, with +) alone.")
]


class SuppressionOrder(Remark):
    """Why a channel is to be used no more (every channel, without one); the last four reasons close them all."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"reason": "opt_out", "channel": "sms", "note": "asked by phone"}}
    )

    reason: Literal[ChannelReason, PersonReason]
    channel: Channel | None = None
    role: Role = None
    address: Address = None


class LiftingOrder(Order):
    """What shows that the customer may be contacted again."""

    model_config = ConfigDict(json_schema_extra={"example": {"note": "letter of 2026-11-20"}})

    note: Note
    role: Role = None
    address: Address = None


class ConsentOrder(Order):
    """That the customer agreed to a channel: under which version of the wording (a code), and what shows it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"channel": "whatsapp", "wording": "terms-2026", "note": "contract, page 3"}}
    )  # fmt: skip

    channel: Channel
    wording: Slug
    at: WrittenInstant | None = None
    role: Role = None
    address: Address = None
    note: Note


class PreferenceOrder(Remark):
    """By which channels, in which hours (their own clock) and on which days alone; nothing is no preference."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"channels": ["email"], "hours": "10:00-12:00", "days": ["mon", "tue"]}}
    )

    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] | None = None
    hours: DayHours | None = None
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] | None = None


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
            return answer(
                self.response, await searching.customer_view(connection, self.key, self.ledger.creditor.zone)
            )

    async def _as_the_caller_saw_them(self, connection: AsyncConnection) -> None:
        if "If-Match" in self.request.headers:
            require_match(
                self.request, await searching.customer_view(connection, self.key, self.ledger.creditor.zone)
            )


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


@router.get(
    CUSTOMER + "/statement",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def customer_statement(held: Serving, _caller: Reader, key: CustomerKey) -> Response:
    """Get a customer's statement of account as a PDF in their language: open items, totals and ageing."""
    account = await account_of(held.ledger, key, held.clock())
    made = await asyncio.to_thread(render_statement, account, held.ledger.creditor)
    shown = {"Content-Disposition": f'attachment; filename="{made.filename}"'}
    return Response(made.pdf, media_type=MEDIA_TYPE, headers=shown)


@router.get(CUSTOMER + "/contacts")
async def list_contacts(held: Serving, _caller: Reader, key: CustomerKey) -> Page[ContactCard]:
    """List a customer's contacts, all on one page: their roles, and how each of them may be reached."""
    async with held.ledger.engine.connect() as connection:
        found = await searching.customer_view(connection, key, held.ledger.creditor.zone)
    return Page(items=list(found.contacts), next=None)


@router.get(CUSTOMER)
async def show_customer(held: Serving, response: Response, _caller: Reader, key: CustomerKey) -> CustomerView:
    """Show a customer and their contacts: how they may be reached, their holds, and how their invoices stand."""
    async with held.ledger.engine.connect() as connection:
        return answer(response, await searching.customer_view(connection, key, held.ledger.creditor.zone))


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


@router.post(CUSTOMER + "/suppressions")
async def suppress_customer(write: Write, order: SuppressionOrder, caller: Steerer) -> CustomerView:
    """Use a channel no more, or contact the customer no more at all: for every invoice, from the next permit on."""
    whose = Whose(order.role, order.address)
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: wishes.suppress(
            stands, now, reason=order.reason, channel=order.channel, whose=whose
        ),
    )


@router.delete(CUSTOMER + "/suppressions/{channel}")
async def lift_suppression(
    write: Write, channel: Channel | Literal["all"], order: LiftingOrder, caller: Steerer
) -> CustomerView:
    """Use a channel again; `all` lifts what forbids all contact, and leaves each channel as it is.

    With a role or an address, those addresses are used again: `all` is then every channel of theirs.
    """
    named, whose = None if channel == "all" else channel, Whose(order.role, order.address)
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: wishes.unsuppress(stands, now, channel=named, whose=whose),
    )


@router.post(CUSTOMER + "/consents")
async def give_consent(write: Write, order: ConsentOrder, caller: Steerer) -> CustomerView:
    """Keep that the customer agreed to a channel. It holds for the address that is known now, and opens nothing that is closed."""
    whose = Whose(order.role, order.address)
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: wishes.consent(
            stands, now, channel=order.channel, wording=order.wording, at=order.at, whose=whose
        ),
    )


@router.put(CUSTOMER + "/preferences")
async def state_preference(write: Write, order: PreferenceOrder, caller: Steerer) -> CustomerView:
    """State how the customer wants to be reached. It replaces what was stated, and never widens another rule."""
    return await write.tell(
        caller.origin(note=order.note),
        lambda stands, now: wishes.prefer(
            stands, now, channels=order.channels, hours=order.hours, days=order.days
        ),
    )
