"""Invoices: found, and read as a story, as a status, or as what becomes of each step."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from cadence.why import Because
from ledger import queries, searching
from ledger.explaining import why
from ledger.filters import InvoiceFilter
from ledger.views import InvoiceLine, InvoiceStatus, InvoiceStory
from starter.api.etags import answer
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Page, decode_cursor
from starter.api.resources.words import (
    Number,
    Reader,
    Serving,
    creditors_today,
    cursor_of,
)
from starter.api.resources.writing import INVOICE
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.interest import InterestSeen, interest_on

router = APIRouter(tags=["invoices"])

StatusReader = Annotated[Caller, Depends(may(Permission.READ_STATUS))]


class InvoiceSearch(InvoiceFilter):
    """Which invoices, in which order, and which page of them."""

    sort: searching.Sort = Field(
        "next", description="What comes next first, the earliest due first, or the largest balance first."
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=200)
    cursor: str | None = Field(None, max_length=1_000, description="`next` of the page before.")


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
) -> InterestSeen:
    """Show what late interest and fees an invoice bears that are not claimed yet. It informs: nothing is charged, nobody is told."""
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
    return answer(response, await queries.show_invoice(held.ledger.engine, number, held.ledger.book))
