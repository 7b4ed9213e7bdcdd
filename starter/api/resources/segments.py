"""Segments over HTTP: which one a customer is in and why, and one that a person assigned."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.customer_facts import Assignment
from cadence.words import Slug
from ledger.jobs import JobLine, create_segment_job
from ledger.searching import customer_view
from ledger.segmenting import Effect
from starter.api.etags import answer, require_match
from starter.api.identity import may
from starter.api.resources.customers import CUSTOMER
from starter.api.resources.words import CustomerKey, Reader, Remark, Serving
from starter.api.roles import Permission
from starter.api.service import Caller, Service
from starter.segmenting import clear_segment, explain_segment, set_segment

router = APIRouter(tags=["customers"])
SEGMENT = CUSTOMER + "/segment"

Assigner = Annotated[Caller, Depends(may(Permission.ASSIGN_SEGMENT))]


class SegmentOrder(Remark):
    """The segment, why (a code), and from when on: `now` moves the open invoices to its cadence as well."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"segment": "strategic", "reason": "key-account", "effect": "now"}}
    )

    segment: Slug
    reason: Slug
    effect: Effect = "next_invoice"


class ClearOrder(Remark):
    """From when on the rules decide again."""

    model_config = ConfigDict(json_schema_extra={"example": {"effect": "next_invoice"}})

    effect: Effect = "next_invoice"


class ApplyOrder(Remark):
    """From when on a change of segment counts; with `dry_run` the customers who would change are only counted."""

    model_config = ConfigDict(json_schema_extra={"example": {"effect": "now", "dry_run": True}})

    effect: Effect = "next_invoice"
    dry_run: bool = False


class RuleJudged(BaseModel):
    """One rule, whether it holds for the customer (null: it cannot be told), and by which facts."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="From 1.")
    segment: str
    title: str
    when: str | None
    holds: bool | None
    values: Mapping[str, str | int | Decimal]


class SegmentView(BaseModel):
    """A customer's segment now, the one that is decided on for the next invoice, and what decides."""

    segment: str
    decided: str
    assignment: Assignment | None = Field(description="Null where the creditor's file alone decides.")
    rules: list[RuleJudged]


@router.get(SEGMENT)
async def show_segment(held: Serving, response: Response, _caller: Reader, key: CustomerKey) -> SegmentView:
    """Say which segment a customer is in and why: each rule in its order, true or not, by which values."""
    return answer(response, await _view(held, key))


@router.put(SEGMENT)
async def put_segment(
    request: Request, held: Serving, response: Response, key: CustomerKey, order: SegmentOrder, caller: Assigner
) -> SegmentView:  # fmt: skip
    """Put a customer into a segment by hand, whatever the rules say, until that is cleared."""
    expect = _Seen(request, held, key)
    origin = caller.origin(note=order.note)
    await set_segment(
        held.ledger, key, order.segment, order.reason, order.effect, origin, held.clock(), expect
    )
    return answer(response, await _view(held, key))


@router.post(SEGMENT + "/clear")
async def clear(
    request: Request, held: Serving, response: Response, key: CustomerKey, order: ClearOrder, caller: Assigner
) -> SegmentView:  # fmt: skip
    """Let the rules decide again on a segment that was assigned by hand."""
    origin, expect = caller.origin(note=order.note), _Seen(request, held, key)
    await clear_segment(held.ledger, key, order.effect, origin, held.clock(), expect)
    return answer(response, await _view(held, key))


@router.post("/v1/segments/apply", status_code=202)
async def apply_segments(held: Serving, response: Response, order: ApplyOrder, caller: Assigner) -> JobLine:
    """Let the rules go over every customer, as a job in the background; its outcomes say how many changed."""
    asked = order.model_dump(mode="json", exclude_none=True)
    made = await create_segment_job(held.ledger.engine, asked, caller.name, held.clock())
    response.headers["Location"] = f"/v1/jobs/{made.id}"
    return made


class _Seen:
    """Whether a customer is still as the caller saw them, where the request says how that was."""

    def __init__(self, request: Request, held: Service, key: str) -> None:
        self.request, self.held, self.key = request, held, key

    async def __call__(self, connection: AsyncConnection) -> None:
        if "If-Match" in self.request.headers:
            zone = self.held.ledger.creditor.zone
            require_match(self.request, await customer_view(connection, self.key, zone))


async def _view(held: Service, key: str) -> SegmentView:
    found = await explain_segment(held.ledger, key, held.clock())
    decision = found.decision
    rules = [RuleJudged.model_validate(each) for each in decision.judged]
    return SegmentView(
        segment=found.segment, decided=decision.segment, assignment=decision.assignment, rules=rules
    )
