"""Unmatched payments: money for which no invoice was found, with the invoices it may be meant for."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, StringConstraints

from cadence.words import Line
from ledger import settling, unmatched
from ledger.unmatched import UnmatchedLine, UnmatchedSeen
from starter.api.etags import answer
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.resources.cases import MANAGERS
from starter.api.resources.words import Id, Note, Order, Reader, Serving, cursor_of
from starter.api.roles import Permission
from starter.api.service import Caller

router = APIRouter(tags=["unmatched payments"])

Settler = Annotated[Caller, Depends(may(Permission.SETTLE_PAYMENT))]
Status = Annotated[
    Literal["open", "claimed", "settled", "dismissed"] | None,
    Query(description="What waits (open or claimed) if left out."),
]


class Settlement(Order):
    """The invoice that the money is for, by the creditor's own number."""

    model_config = ConfigDict(json_schema_extra={"example": {"invoice": "2026-0117"}})

    invoice: Annotated[Line, StringConstraints(max_length=60)]


class Dismissal(Order):
    """Why the money is for no invoice here."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "rent, paid to the wrong account"}})

    reason: Note


@router.get("/v1/unmatched-payments")
async def list_unmatched(
    held: Serving,
    _caller: Reader,
    status: Status = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[UnmatchedLine]:
    """List the queue, the oldest first."""
    after = decode_cursor(cursor, id=int)["id"] if cursor else None
    found = await unmatched.list_unmatched(held.ledger.engine, status=status, after=after, limit=limit + 1)
    following = {"id": found[limit - 1].id} if len(found) > limit else None
    return Page(items=found[:limit], next=cursor_of(following))


@router.get("/v1/unmatched-payments/{unmatched_id}")
async def show_unmatched(
    held: Serving, response: Response, _caller: Reader, unmatched_id: Id
) -> UnmatchedSeen:
    """Show one, with up to ten invoices it may be meant for: the best first, and why."""
    return answer(response, await unmatched.show_unmatched(held.ledger, unmatched_id))


@router.post("/v1/unmatched-payments/{unmatched_id}/claim")
async def claim_unmatched(held: Serving, caller: Settler, unmatched_id: Id) -> UnmatchedLine:
    """Take it: nobody else can settle it then. Where somebody has it, 409 says who."""
    return await settling.claim(held.ledger.engine, unmatched_id, caller.name)


@router.post("/v1/unmatched-payments/{unmatched_id}/release")
async def release_unmatched(held: Serving, caller: Settler, unmatched_id: Id) -> UnmatchedLine:
    """Give it back to the queue: one's own, or as a manager anybody's."""
    of_anybody = caller.role in MANAGERS
    return await settling.release(held.ledger.engine, unmatched_id, caller.name, of_anybody=of_anybody)


@router.post("/v1/unmatched-payments/{unmatched_id}/settle")
async def settle_unmatched(
    held: Serving, caller: Settler, unmatched_id: Id, order: Settlement
) -> UnmatchedLine:
    """Record it on an invoice under the payment's own id; told again by its provider, it counts once."""
    return await settling.settle(held.ledger, unmatched_id, order.invoice, caller.name, held.clock())


@router.post("/v1/unmatched-payments/{unmatched_id}/dismiss")
async def dismiss_unmatched(
    held: Serving, caller: Settler, unmatched_id: Id, order: Dismissal
) -> UnmatchedLine:
    """Put it aside for good: it is money for no invoice here."""
    return await settling.dismiss(held.ledger.engine, unmatched_id, caller.name, order.reason, held.clock())
