"""Unmatched payments: money for which no invoice was found, with the invoices it may be meant for."""

from typing import Annotated, Literal, Self, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ConfigDict, StringConstraints, model_validator

from cadence.words import Line
from ledger import settling, unmatched
from ledger.settling import Settled
from ledger.unmatched import UnmatchedLine, UnmatchedSeen
from starter.api.etags import etag_of, require_match
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
L = TypeVar("L", bound=UnmatchedLine)


class Settlement(Order):
    """The invoice that the money is for, by the creditor's own number; or the customer over whose it is shared out."""

    model_config = ConfigDict(json_schema_extra={"example": {"invoice": "2026-0117"}})

    invoice: Annotated[Line, StringConstraints(max_length=60)] | None = None
    customer: Annotated[Line, StringConstraints(max_length=60)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.invoice is None) == (self.customer is None):
            raise ValueError("name either the invoice or the customer")
        return self


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
    return _answer(response, await unmatched.show_unmatched(held.ledger, unmatched_id))


@router.post("/v1/unmatched-payments/{unmatched_id}/claim")
async def claim_unmatched(
    request: Request, response: Response, held: Serving, caller: Settler, unmatched_id: Id
) -> UnmatchedLine:
    """Take it: nobody else can settle it then. Where somebody has it, 409 says who."""
    engine, expect = held.ledger.engine, _expect(request)
    return _answer(response, await settling.claim(engine, unmatched_id, caller.name, expect=expect))


@router.post("/v1/unmatched-payments/{unmatched_id}/release")
async def release_unmatched(
    request: Request, response: Response, held: Serving, caller: Settler, unmatched_id: Id
) -> UnmatchedLine:
    """Give it back to the queue: one's own, or as a manager anybody's."""
    anybodys, expect = caller.role in MANAGERS, _expect(request)
    freed = await settling.release(
        held.ledger.engine, unmatched_id, caller.name, of_anybody=anybodys, expect=expect
    )
    return _answer(response, freed)


@router.post("/v1/unmatched-payments/{unmatched_id}/settle")
async def settle_unmatched(
    request: Request,
    response: Response,
    held: Serving,
    caller: Settler,
    unmatched_id: Id,
    order: Settlement,
) -> Settled:
    """Record it on an invoice under the payment's own id, or share it out over a customer's open ones, oldest first.

    Told again by its provider, it counts once.
    """
    settle = settling.settle if order.customer is None else settling.settle_over_customer
    name, expect = order.customer or order.invoice or "", _expect(request)
    settled = await settle(held.ledger, unmatched_id, name, caller.name, held.clock(), expect=expect)
    return _answer(response, settled)


@router.post("/v1/unmatched-payments/{unmatched_id}/dismiss")
async def dismiss_unmatched(
    request: Request,
    response: Response,
    held: Serving,
    caller: Settler,
    unmatched_id: Id,
    order: Dismissal,
) -> UnmatchedLine:
    """Put it aside for good: it is money for no invoice here."""
    engine, expect = held.ledger.engine, _expect(request)
    gone = await settling.dismiss(
        engine, unmatched_id, caller.name, order.reason, held.clock(), expect=expect
    )
    return _answer(response, gone)


def _answer(response: Response, view: L) -> L:
    """The view with the ETag of its line: what candidates there are, and where they stand, is not the queue's."""
    response.headers["ETag"] = _tag_of(view)
    return view


def _tag_of(view: UnmatchedLine) -> str:
    return etag_of(view.model_dump(mode="json", include=set(UnmatchedLine.model_fields)))


def _expect(request: Request) -> settling.Expect:
    return lambda line: require_match(request, line.model_dump(mode="json"))
