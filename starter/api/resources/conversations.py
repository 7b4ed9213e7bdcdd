"""Conversations: what customers wrote, what left for them, and an agent's answer."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from cadence.words import Channel, Slug
from ledger import correspondence
from ledger.correspondence import Conversation, ConversationLine
from starter import answering
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor, encode_cursor
from starter.api.resources.words import CustomerKey, Order, Reader, Serving
from starter.api.roles import Permission
from starter.api.service import Caller

router = APIRouter(tags=["conversations"])
# A key may hold slashes, written as %2F.
CONVERSATION = "/v1/conversations/{key:path}"

Answerer = Annotated[Caller, Depends(may(Permission.ANSWER))]
InvoiceNumber = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=answering.LONGEST)]


class AnswerOrder(Order):
    """What is told about an invoice, by exactly this channel: to who wrote last by it, or who of a `role` did."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "invoice": "2026/0001",
                "channel": "whatsapp",
                "text": "Thank you, we have found your payment.",
            }
        }
    )

    invoice: InvoiceNumber
    channel: Literal["sms", "whatsapp"]
    text: Words
    role: Slug | None = None


class AnswerStatus(BaseModel):
    """An answer on its way: its number within the invoice, the role it goes to, and the instant at which it leaves."""

    invoice: str
    number: int
    channel: str
    to: str
    leaves_at: AwareDatetime


@router.get("/v1/conversations")
async def conversations(
    held: Serving,
    _: Reader,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    unknown: Annotated[
        bool | None, Query(description="Only numbers that belong to no customer, or only those that do.")
    ] = None,
) -> Page[ConversationLine]:
    """Conversations: those that wait for an answer first, then the newest."""
    after = decode_cursor(cursor, waiting=bool, at=AwareDatetime, id=int) if cursor else None
    position = (after["waiting"], after["at"], after["id"]) if after else None
    found = await correspondence.list_conversations(
        held.ledger.engine, limit + 1, after=position, unknown=unknown
    )
    page = found[:limit]
    more = len(found) > limit
    following = encode_cursor(page[-1].model_dump(include={"waiting", "at", "id"})) if more else None
    return Page(items=page, next=following)


@router.get(CONVERSATION)
async def conversation(
    held: Serving, _: Reader, key: CustomerKey, limit: Annotated[int, Query(ge=1, le=200)] = 200
) -> Conversation:
    """One customer's conversation: its newest texts, the oldest of them first."""
    return await correspondence.conversation(held.ledger.engine, key, limit)


@router.post(CONVERSATION + "/answers", status_code=201)
async def answer(held: Serving, caller: Answerer, key: CustomerKey, order: AnswerOrder) -> AnswerStatus:
    """Answer a customer. It needs a permit as every message does: a send window, a channel that is open."""
    written = await answering.answer(
        held.ledger,
        order.invoice,
        Channel(order.channel),
        order.text,
        caller.origin(),
        held.clock(),
        customer=key,
        role=order.role,
    )
    return AnswerStatus(
        invoice=written.invoice,
        number=written.number,
        channel=written.channel,
        to=written.to,
        leaves_at=written.leaves_at,
    )
