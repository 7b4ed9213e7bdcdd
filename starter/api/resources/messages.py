"""Messages: what was sent about an invoice, and each as the customer saw it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator

from cadence.words import one_line
from ledger import queries, searching
from ledger.filters import Words
from ledger.views import MessageLine, MessageSeen
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.resources.words import Reader, Serving, cursor_of

router = APIRouter(tags=["messages"])

OfInvoice = Annotated[Words | None, Query(description="About this invoice, by the creditor's number.")]
Name = Annotated[
    str,
    Path(min_length=1, max_length=60, description="Our id, or the reference that the message carries."),
    AfterValidator(one_line),
]


@router.get("/v1/messages")
async def list_messages(
    held: Serving,
    _caller: Reader,
    invoice: OfInvoice = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[MessageLine]:
    """List messages with their attempts, the latest first."""
    after = decode_cursor(cursor, id=int) if cursor else None
    found = await searching.search_messages(held.ledger.engine, invoice=invoice, after=after, limit=limit)
    return Page(items=found.items, next=cursor_of(found.next))


@router.get("/v1/messages/{name}")
async def show_message(held: Serving, _caller: Reader, name: Name) -> MessageSeen:
    """Show one message as the customer saw it; its text is null before it left."""
    return await queries.message(held.ledger.engine, name)
