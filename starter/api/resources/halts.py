"""Halts: the switches that stop sending at once, by channel, by segment or all of it."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import AfterValidator, BaseModel, ConfigDict

from cadence.words import Slug, one_line
from ledger import halting
from ledger.database import LedgerError
from starter.acts import UNSPECIFIED
from starter.api.identity import may
from starter.api.paging import Page
from starter.api.problems import ApiProblem
from starter.api.resources.words import Order, Reader, Serving
from starter.api.roles import Permission
from starter.api.service import Caller

router = APIRouter(tags=["halts"])

Halter = Annotated[Caller, Depends(may(Permission.HALT))]
Scope = Annotated[Literal["all", "channel", "segment"], Path(description="What kind of thing is halted.")]
Value = Annotated[
    str,
    Path(min_length=1, max_length=60, description="The channel or segment; `all` for the scope `all`."),
    AfterValidator(one_line),
]


class HaltOrder(Order):
    """Why sending stops, as a code."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "incident"}})

    reason: Slug = UNSPECIFIED


class HaltView(BaseModel):
    """A switch that is thrown: since when, by whom, and why."""

    model_config = ConfigDict(from_attributes=True)

    scope: str
    value: str
    at: datetime
    actor: str
    reason: str


class Unhalted(BaseModel):
    """How many invoices had waited for a switch, and can go on now."""

    moved: int


@router.get("/v1/halts")
async def list_halts(held: Serving, _caller: Reader) -> Page[HaltView]:
    """List what is halted, the oldest first."""
    found = await halting.halts(held.ledger.engine)
    return Page(items=[HaltView.model_validate(each) for each in found])


@router.put("/v1/halts/{scope}/{value}")
async def halt(held: Serving, caller: Halter, scope: Scope, value: Value, order: HaltOrder) -> HaltView:
    """Stop sending from the next permit on. What is halted already stays as it is."""
    engine, key = held.ledger.engine, _key(scope, value)
    await halting.halt(engine, *key, caller.name, order.reason, held.clock())
    found = await halting.halts(engine)
    return next(HaltView.model_validate(each) for each in found if (each.scope, each.value) == key)


@router.delete("/v1/halts/{scope}/{value}")
async def unhalt(held: Serving, caller: Halter, scope: Scope, value: Value) -> Unhalted:
    """Let sending go on, today where the window is still open."""
    try:
        moved = await halting.unhalt(held.ledger, *_key(scope, value), caller.name, held.clock())
    except LedgerError as error:
        if error.code == "not_halted":
            raise ApiProblem(404, error.code, str(error)) from None
        raise
    return Unhalted(moved=moved)


def _key(scope: str, value: str) -> tuple[str, str]:
    if scope == "all" and value != "all":
        raise ApiProblem(
            422, "bad_halt", "the scope `all` has the one value `all`; or name the scope channel or segment"
        )
    return scope, value
