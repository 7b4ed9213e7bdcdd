"""Jobs: hold, release or migrate many invoices by filter, and see how far that has come."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from cadence.words import Slug
from ledger import jobs
from ledger.filters import InvoiceFilter
from ledger.jobs import JobLine
from starter.acts import UNSPECIFIED, check_coming
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor
from starter.api.problems import ApiProblem
from starter.api.resources.words import Id, Reader, Remark, Serving, creditors_today, cursor_of
from starter.api.roles import Permission
from starter.api.service import Caller
from starter.written import WrittenDay

router = APIRouter(tags=["jobs"])

Steerer = Annotated[Caller, Depends(may(Permission.STEER_MANY))]


class JobOrder(Remark):
    """What is to be done to the open invoices that a filter finds: hold them, end every hold they have, or migrate.

    To `migrate` moves those that keep to an older version of their cadence to its latest one. `reason` and `until`
    are a hold's. With `dry_run` nothing is done, and `total` says how many would be chosen.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "kind": "hold",
                "filter": {"segment": "standard", "overdue_min": 1},
                "reason": "flooded",
                "until": "2026-12-01",
            }
        }
    )

    kind: jobs.Kind
    filter: InvoiceFilter
    reason: Slug = UNSPECIFIED
    until: WrittenDay | None = None
    dry_run: bool = False


class JobAnswer(BaseModel):
    """How many invoices were chosen, or would be; `job` is null in a dry run."""

    total: int = Field(description="The invoices that the filter finds now.")
    job: JobLine | None


@router.post(
    "/v1/jobs",
    status_code=202,
    responses={200: {"model": JobAnswer, "description": "What a dry run would choose."}},
)
async def start_job(held: Serving, response: Response, order: JobOrder, caller: Steerer) -> JobAnswer:
    """Choose the invoices now, and work them off in the background."""
    _refuse(order, ZoneInfo(held.ledger.creditor.zone), held.clock())
    engine, today = held.ledger.engine, creditors_today(held)
    if order.dry_run:
        response.status_code = 200
        return JobAnswer(total=await jobs.would_choose(engine, order.kind, order.filter, today), job=None)
    asked = order.model_dump(mode="json", include={"reason", "until", "note"}, exclude_none=True)
    made = await jobs.create_job(
        engine, order.kind, order.filter, asked, caller.name, today=today, now=held.clock()
    )
    response.headers["Location"] = f"/v1/jobs/{made.id}"
    return JobAnswer(total=made.total, job=made)


@router.get("/v1/jobs")
async def list_jobs(
    held: Serving, _caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[JobLine]:
    """List jobs, the latest first."""
    before = decode_cursor(cursor, id=int)["id"] if cursor else None
    found = await jobs.list_jobs(held.ledger.engine, before=before, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next=cursor_of({"id": last.id} if last else None))


@router.get("/v1/jobs/{job_id}")
async def show_job(held: Serving, _caller: Reader, job_id: Id) -> JobLine:
    """Show how far a job has come."""
    return await jobs.job(held.ledger.engine, job_id)


@router.post("/v1/jobs/{job_id}/cancel")
async def cancel_job(held: Serving, _caller: Steerer, job_id: Id) -> JobLine:
    """Leave the rest of a job undone; what was done stays."""
    return await jobs.cancel_job(held.ledger.engine, job_id, held.clock())


def _refuse(order: JobOrder, zone: ZoneInfo, now: datetime) -> None:
    if not order.filter.model_dump(exclude_none=True):
        raise ApiProblem(
            422,
            "empty_filter",
            "filter: it names no invoices; say which are meant, or halt all sending at /v1/halts/all/all",
        )
    if order.kind != "hold" and order.until is not None:
        raise ApiProblem(
            422,
            f"{order.kind}_has_no_end",
            f"until: a {order.kind} has no end; leave it out, or ask for a hold",
        )
    if order.until is not None:
        check_coming("until", order.until, zone, now)
