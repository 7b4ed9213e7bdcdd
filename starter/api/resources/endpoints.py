"""Webhook endpoints: where other systems hear of invoices, for those who manage them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from cadence.announcements import Announcement
from cadence.words import one_line
from channels.public_addresses import LONGEST_URL, AddressRefused, public_place
from channels.webhooks import new_secret
from ledger import endpoints
from ledger.endpoints import Check, Endpoint
from starter.api.etags import answer, require_match
from starter.api.idempotency import shown_once
from starter.api.identity import may
from starter.api.paging import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor, encode_cursor
from starter.api.problems import ApiProblem, FieldProblem
from starter.api.resources.words import Id, Order, Serving
from starter.api.roles import Permission
from starter.api.service import Caller, Service
from starter.written import WrittenInstant

router = APIRouter(tags=["webhook endpoints"], prefix="/v1/webhook-endpoints")

Manager = Annotated[Caller, Depends(may(Permission.MANAGE_ENDPOINTS))]
Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
Types = Annotated[list[Announcement], Field(min_length=1, max_length=len(Announcement))]
Description = Annotated[str, AfterValidator(one_line), StringConstraints(max_length=200)]

_EXAMPLE: dict[str, JsonValue] = {
    "url": "https://erp.example.com/hooks/regua",
    "types": ["invoice.paid", "invoice.closed"],
    "description": "The books",
}


class EndpointOrder(Order):
    """An endpoint to be registered: a public https address, and what it is to hear."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    url: Url
    types: Types
    description: Description = ""


class EndpointChange(Order):
    """What is to change; a field that is left out or null stays."""

    model_config = ConfigDict(json_schema_extra={"example": {"types": ["invoice.paid"]}})

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None


class EndpointView(BaseModel):
    """An endpoint. `paused` by somebody it goes on collecting; `disabled` (it answered 410: `gone`) it does not."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    url: str
    types: list[Announcement]
    description: str
    status: Literal["active", "paused", "disabled"]
    status_reason: str | None
    created_at: datetime
    created_by: str


class Secret(BaseModel):
    """What the endpoint's webhooks are signed with (Standard Webhooks); it is in this answer and nowhere else."""

    secret: str = Field(description="Begins with whsec_.")


class NewEndpoint(EndpointView, Secret):
    """An endpoint just registered, with its secret."""


class DeliveryView(BaseModel):
    """One announcement to an endpoint. `last_answer` is an HTTP status, or a code of what went wrong."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    type: str
    invoice: str | None = Field(description="The creditor's own number; null for a test.")
    state: Literal["waiting", "delivered", "given_up"]
    created_at: datetime
    next_at: datetime = Field(description="When it is tried next, while it waits.")
    attempts: int
    last_answer: str | None
    delivered_at: datetime | None


class ReplayOrder(Order):
    """What to send again: all that was announced since an instant, or these deliveries, or all that was given up."""

    model_config = ConfigDict(json_schema_extra={"example": {"since": "2026-11-30T00:00:00+00:00"}})

    since: WrittenInstant | None = None
    deliveries: (
        Annotated[list[Annotated[int, Field(ge=1, le=2**62)]], Field(min_length=1, max_length=1_000)] | None
    ) = None
    given_up: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if sum(choice is not None for choice in (self.since, self.deliveries, self.given_up)) != 1:
            raise ValueError("name exactly one of since, deliveries and given_up")
        return self


class Replayed(BaseModel):
    """How many deliveries are sent again."""

    replayed: int


@router.post("", status_code=201, dependencies=[Depends(shown_once)])
async def register_endpoint(held: Serving, order: EndpointOrder, caller: Manager) -> NewEndpoint:
    """Register an endpoint. Its secret is in this answer and nowhere else."""
    await _check_address(held, order.url)
    secret = new_secret()
    made = await endpoints.register(
        held.ledger.engine,
        url=order.url,
        secret=secret,
        types=_names(order.types),
        description=order.description,
        by=caller.name,
        now=held.clock(),
    )
    return NewEndpoint(**_view(made).model_dump(), secret=secret)


@router.get("")
async def list_endpoints(held: Serving, _caller: Manager) -> Page[EndpointView]:
    """List every endpoint, the oldest first."""
    return Page(items=[_view(each) for each in await endpoints.all_endpoints(held.ledger.engine)])


@router.get("/{endpoint_id}")
async def show_endpoint(held: Serving, endpoint_id: Id, response: Response, _caller: Manager) -> EndpointView:
    """Show an endpoint, without its secret."""
    return answer(response, _view(await endpoints.endpoint(held.ledger.engine, endpoint_id)))


@router.patch("/{endpoint_id}")
async def change_endpoint(
    request: Request,
    held: Serving,
    endpoint_id: Id,
    order: EndpointChange,
    response: Response,
    _caller: Manager,
) -> EndpointView:
    """Change an endpoint's address, which is checked, what it hears from now on, or its description."""
    values = order.model_dump(exclude_none=True)
    if order.url is not None:
        await _check_address(held, order.url)
    if order.types is not None:
        values["types"] = _names(order.types)
    changed = await endpoints.change(held.ledger.engine, endpoint_id, _matching(request), **values)
    return answer(response, _view(changed))


@router.post("/{endpoint_id}/pause")
async def pause_endpoint(
    request: Request, held: Serving, endpoint_id: Id, response: Response, caller: Manager
) -> EndpointView:
    """Send it nothing until it is resumed; what it is to hear is collected meanwhile."""
    paused = await endpoints.pause(held.ledger.engine, endpoint_id, _matching(request), caller.name)
    return answer(response, _view(paused))


@router.post("/{endpoint_id}/resume")
async def resume_endpoint(
    request: Request, held: Serving, endpoint_id: Id, response: Response, _caller: Manager
) -> EndpointView:
    """Send again, also to an endpoint that was disabled: whatever waits is sent now."""
    resumed = await endpoints.resume(held.ledger.engine, endpoint_id, _matching(request), held.clock())
    return answer(response, _view(resumed))


@router.post("/{endpoint_id}/rotate-secret", dependencies=[Depends(shown_once)])
async def rotate_secret(request: Request, held: Serving, endpoint_id: Id, _caller: Manager) -> Secret:
    """Make a new secret, which signs from now on, and is in this answer and nowhere else."""
    secret = new_secret()
    await endpoints.change(held.ledger.engine, endpoint_id, _matching(request), secret=secret)
    return Secret(secret=secret)


@router.post("/{endpoint_id}/replay", status_code=202)
async def replay_deliveries(held: Serving, endpoint_id: Id, order: ReplayOrder, _caller: Manager) -> Replayed:
    """Send deliveries again, each under the id that it had, in the order of each invoice."""
    count = await endpoints.replay(
        held.ledger.engine, endpoint_id, held.clock(), since=order.since, ids=order.deliveries or ()
    )
    return Replayed(replayed=count)


@router.post("/{endpoint_id}/test", status_code=202)
async def send_test(held: Serving, endpoint_id: Id, _caller: Manager) -> DeliveryView:
    """Send a `webhook.test`, which is of no invoice."""
    sent = await endpoints.announce_test(held.ledger.engine, endpoint_id, held.clock())
    return DeliveryView.model_validate(sent)


@router.delete("/{endpoint_id}", status_code=204)
async def remove_endpoint(request: Request, held: Serving, endpoint_id: Id, _caller: Manager) -> None:
    """Forget an endpoint, and what waits for it."""
    await endpoints.remove(held.ledger.engine, endpoint_id, _matching(request))


@router.get("/{endpoint_id}/deliveries")
async def list_deliveries(
    held: Serving,
    endpoint_id: Id,
    _caller: Manager,
    state: Annotated[Literal["waiting", "delivered", "given_up"] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[DeliveryView]:
    """List what was announced to an endpoint, the newest first."""
    before = decode_cursor(cursor, before=int)["before"] if cursor else None
    found = await endpoints.deliveries_to(
        held.ledger.engine, endpoint_id, state=state, before=before, limit=limit + 1
    )
    shown = [DeliveryView.model_validate(each) for each in found[:limit]]
    return Page(items=shown, next=encode_cursor({"before": shown[-1].id}) if len(found) > limit else None)


def _view(found: Endpoint) -> EndpointView:
    return EndpointView.model_validate(found)


def _names(types: list[Announcement]) -> list[str]:
    """Each once, in the order in which they are documented."""
    return [str(each) for each in Announcement if each in types]


def _matching(request: Request) -> Check:
    return lambda current: require_match(request, _view(current))


async def _check_address(held: Service, url: str) -> None:
    try:
        await public_place(url, private_too=held.settings.webhooks_to_private_networks)
    except AddressRefused as refused:
        where = FieldProblem(field="body.url", problem=str(refused))
        raise ApiProblem(422, refused.code, str(refused), errors=(where,)) from None
