"""Tokens, for those who manage them: made, listed, revoked."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from ledger import tokens
from starter.api.idempotency import shown_once
from starter.api.identity import may
from starter.api.paging import Page
from starter.api.problems import ApiProblem
from starter.api.roles import Permission, Role, check_narrowing, permissions_of
from starter.api.service import Caller, service

router = APIRouter(tags=["tokens"])

Manager = Annotated[Caller, Depends(may(Permission.MANAGE_TOKENS))]
Name = Annotated[str, Path(pattern=tokens.NAME)]


class TokenOrder(BaseModel):
    """A token to be made. `days` is how long it is good; `only` narrows it to some of what its role may do."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "erp-production", "role": "erp", "days": 365, "only": ["feed", "read_status"]}
        },
    )

    name: Annotated[str, Field(pattern=tokens.NAME, description="Small letters, digits, . _ and -.")]
    role: Role
    days: Annotated[int, Field(ge=1, le=tokens.MOST_DAYS)] = 90
    only: Annotated[list[Permission], Field(min_length=1)] | None = None


class TokenView(BaseModel):
    """A token as lists show it; the token itself is shown once, when it is made."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    role: Role
    permissions: list[Permission] | None = Field(
        description="What it is narrowed to; null for all of its role."
    )
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None = Field(description="To the minute.")


class NewToken(BaseModel):
    """A token just made; nobody can read `token` again."""

    name: str
    expires_at: datetime
    token: str


@router.get("/v1/tokens")
async def list_tokens(request: Request, _caller: Manager) -> Page[TokenView]:
    """List every token there ever was, by name."""
    found = await tokens.list_tokens(service(request).ledger.engine)
    return Page(items=[TokenView.model_validate(line) for line in found])


@router.post("/v1/tokens", status_code=201, dependencies=[Depends(shown_once)])
async def create_token(request: Request, order: TokenOrder, caller: Manager) -> NewToken:
    """Make a token. It is in this answer and nowhere else."""
    held = service(request)
    check_narrowing(order.role, order.only)
    _refuse_what_is_not_theirs(caller, permissions_of(order.role, order.only))
    now = held.clock()
    expires_at = now + timedelta(days=order.days)
    plain = await tokens.create(
        held.ledger.engine, order.name, order.role, order.only, expires_at, caller.name, now
    )
    return NewToken(name=order.name, expires_at=expires_at, token=plain)


@router.delete("/v1/tokens/{name}")
async def revoke_token(request: Request, name: Name, caller: Manager) -> TokenView:
    """Revoke a token: its next request is refused. One that was revoked stays as it is."""
    held = service(request)
    line = await tokens.revoke(held.ledger.engine, name, caller.name, held.clock())
    return TokenView.model_validate(line)


def _refuse_what_is_not_theirs(caller: Caller, permissions: frozenset[Permission]) -> None:
    beyond = permissions - caller.permissions
    if beyond:
        raise ApiProblem(
            403,
            "not_allowed",
            f"nobody gives what they have not: your own token leaves out {', '.join(sorted(beyond))}",
        )
