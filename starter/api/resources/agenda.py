"""The agenda: who is contacted in the coming days, and the first screen's totals."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from ledger import coming, queries, searching
from ledger.views import Totals, UpcomingContact
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.resources.words import Reader, Serving, cursor_of

router = APIRouter(tags=["agenda"])

Days = Annotated[int, Query(ge=1, le=366, description="How many days ahead.")]


class Overview(BaseModel):
    """A first screen: how much there is of everything, and who is contacted next."""

    totals: Totals
    next_contact: UpcomingContact | None


@router.get("/v1/agenda")
async def agenda(
    held: Serving, _caller: Reader, days: Days = 7, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[UpcomingContact]:
    """Say who is contacted in the coming days, when on their own clock, by what, and why then."""
    kinds = {name: kind for name, (_, kind) in searching.AGENDA_ORDER.items()}
    found = await searching.search_agenda(
        held.ledger.engine,
        held.ledger.book,
        until=held.clock() + timedelta(days=days),
        after=decode_cursor(cursor, **kinds) if cursor else None,
        limit=limit,
    )
    return Page(items=found.items, next=cursor_of(found.next))


@router.get("/v1/overview")
async def overview(held: Serving, _caller: Reader) -> Overview:
    """Count invoices by state, open cases by queue and attempts by state, and say who is contacted next."""
    ledger = held.ledger
    ahead = await coming.next_contact(ledger.engine, ledger.book)
    return Overview(totals=await queries.totals(ledger.engine), next_contact=ahead)
