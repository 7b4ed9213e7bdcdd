"""Cases: the queue of work for agents, in which each case is one agent's at a time."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, ConfigDict

from ledger import cases
from ledger.filters import Words
from ledger.views import CaseLine
from starter.api.etags import answer, require_match
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.resources.words import Id, Note, Order, Reader, Serving, cursor_of
from starter.api.roles import Permission, Role
from starter.api.service import Caller

router = APIRouter(tags=["cases"])

Worker = Annotated[Caller, Depends(may(Permission.WORK_CASES))]
Queue = Annotated[Words | None, Query(description="In this queue.")]
Agent = Annotated[Words | None, Query(description="Claimed by this agent; `me` is the caller.")]
Status = Annotated[
    Literal["open", "claimed", "closed"] | None, Query(description="All that are not closed if left out.")
]
# Whoever may stop sending by filter may also take a case out of an absent agent's hands.
MANAGERS = frozenset({Role.MANAGER, Role.ADMIN})


class CaseNote(Order):
    """What was agreed or found."""

    model_config = ConfigDict(json_schema_extra={"example": {"text": "called; they pay on Friday"}})

    text: Note


@router.get("/v1/cases")
async def list_cases(
    held: Serving,
    caller: Reader,
    queue: Queue = None,
    status: Status = None,
    agent: Agent = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[CaseLine]:
    """List cases with their notes, the oldest first."""
    position = decode_cursor(cursor, at=AwareDatetime, id=int) if cursor else None
    found = await cases.list_cases(
        held.ledger.engine,
        queue=queue,
        status=status,
        agent=caller.name if agent == "me" else agent,
        after=(position["at"], position["id"]) if position else None,
        limit=limit + 1,
    )
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next=cursor_of({"at": last.opened_at, "id": last.id} if last else None))


@router.get("/v1/cases/{case_id}")
async def show_case(held: Serving, response: Response, _caller: Reader, case_id: Id) -> CaseLine:
    """Show one case with its notes."""
    return answer(response, await cases.case(held.ledger.engine, case_id))


@router.post("/v1/cases/{case_id}/claim")
async def claim_case(
    request: Request, response: Response, held: Serving, caller: Worker, case_id: Id
) -> CaseLine:
    """Take a case: nobody else can take it then. Where somebody has it, 409 says who."""
    engine, expect = held.ledger.engine, _expect(request)
    return answer(response, await cases.claim(engine, case_id, caller.name, held.clock(), expect=expect))


@router.post("/v1/cases/{case_id}/release")
async def release_case(
    request: Request, response: Response, held: Serving, caller: Worker, case_id: Id
) -> CaseLine:
    """Give a case back to its queue: one's own, or as a manager anybody's."""
    anybodys, expect = caller.role in MANAGERS, _expect(request)
    freed = await cases.release(
        held.ledger.engine, case_id, caller.name, held.clock(), of_anybody=anybodys, expect=expect
    )
    return answer(response, freed)


@router.post("/v1/cases/{case_id}/notes", status_code=201)
async def note_case(
    request: Request, response: Response, held: Serving, caller: Worker, case_id: Id, order: CaseNote
) -> CaseLine:
    """Write on a case, also on a closed one: what comes to light later belongs there."""
    engine, expect = held.ledger.engine, _expect(request)
    noted = await cases.note(engine, case_id, caller.name, order.text, held.clock(), expect=expect)
    return answer(response, noted)


@router.post("/v1/cases/{case_id}/close")
async def close_case(
    request: Request, response: Response, held: Serving, caller: Worker, case_id: Id
) -> CaseLine:
    """Close a case; a pause that it came from goes on until somebody releases the invoice."""
    engine, expect = held.ledger.engine, _expect(request)
    return answer(response, await cases.close(engine, case_id, caller.name, held.clock(), expect=expect))


def _expect(request: Request) -> cases.Expect:
    return lambda case: require_match(request, case)
