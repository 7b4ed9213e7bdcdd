"""Who calls, and whether they may: bearer tokens for systems, a session for people who logged in."""

from functools import cache
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from ledger import tokens
from starter.api.oidc import person
from starter.api.problems import ApiProblem
from starter.api.roles import MAY, Permission, Role, permissions_of
from starter.api.service import Caller, Service

_BEARER = HTTPBearer(
    auto_error=False, bearerFormat="regua_...", description="`regua token create` makes one."
)
# One text for a token that is missing, malformed, unknown, expired or revoked: it tells a guesser nothing.
_NOT_AUTHENTICATED = (
    "no valid token came with the request; send `Authorization: Bearer regua_...`. "
    "`regua token list` shows which tokens expired or were revoked, `regua token create` makes one"
)


class Leave:
    """The dependency by which a route names its permission and gets its caller."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, request: Request, _shown: Annotated[Any, Security(_BEARER)]) -> Caller:
        """The caller; raise ApiProblem 401 for nobody, 403 for somebody who may not."""
        caller = await identify(request)
        if self.permission is not None and self.permission not in caller.permissions:
            raise _not_allowed(caller, self.permission)
        return caller


@cache
def may(permission: Permission | None) -> Leave:
    """For a route: `caller: Annotated[Caller, Depends(may(Permission.READ))]`; None lets in whoever is known."""
    return Leave(permission)


async def identify(connection: HTTPConnection) -> Caller:
    """Who calls, found once a request; raise ApiProblem 401 where nobody does, 429 where they call too often."""
    known = getattr(connection.state, "caller", None)
    if known is None:
        known = (
            await _by_token(connection) if "authorization" in connection.headers else _by_session(connection)
        )
        await connection.app.state.limits.spend_of_token(known.name)
        connection.state.caller = known
    caller: Caller = known
    return caller


async def _by_token(connection: HTTPConnection) -> Caller:
    scheme, _, plain = connection.headers["authorization"].partition(" ")
    held: Service = connection.app.state.service
    if scheme.lower() != "bearer" or not plain.startswith(tokens.PREFIX):
        raise not_authenticated()
    found = await tokens.find(held.ledger.engine, plain, held.clock())
    if found is None:
        raise not_authenticated()
    role = Role(found.role)
    return Caller(f"token/{found.name}", role, permissions_of(role, found.permissions))


def _by_session(connection: HTTPConnection) -> Caller:
    found = person(connection)
    if found is None:
        raise not_authenticated()
    name, role = found
    return Caller(f"user/{name}", role, permissions_of(role))


def not_authenticated() -> ApiProblem:
    """Nobody that may call: the same answer whatever is wrong."""
    return ApiProblem(
        401, "not_authenticated", _NOT_AUTHENTICATED, {"WWW-Authenticate": 'Bearer realm="regua"'}
    )


def _not_allowed(caller: Caller, permission: Permission) -> ApiProblem:
    roles = ", ".join(sorted(MAY[permission]))
    if caller.role in MAY[permission]:
        return ApiProblem(
            403, "not_allowed", f"this token is narrowed and leaves out {permission}; use one that has it"
        )
    return ApiProblem(
        403,
        "not_allowed",
        f"this needs the permission {permission}, which {caller.role} has not; it is of: {roles}",
    )
