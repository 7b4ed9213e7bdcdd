"""Who the caller is to the service, and what they may do."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from starter.api.identity import may
from starter.api.roles import Permission, Role
from starter.api.service import Caller

router = APIRouter(tags=["callers"])


class Me(BaseModel):
    """A caller: the name under which the event log keeps what they do."""

    name: str
    role: Role
    permissions: list[Permission]


@router.get("/v1/me")
async def me(caller: Annotated[Caller, Depends(may(None))]) -> Me:
    """Say who calls, and what they may do."""
    return Me(name=caller.name, role=caller.role, permissions=sorted(caller.permissions))
