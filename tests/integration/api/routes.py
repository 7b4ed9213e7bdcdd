"""The resources as the application's routes name them: each with the one permission that it needs."""

from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from starter.api.app import ROUTERS
from starter.api.identity import Leave
from starter.api.middleware import RESOURCES
from starter.api.roles import MAY, Permission, Role


def operations() -> Iterator[tuple[str, APIRoute]]:
    """Every route that the OpenAPI document shows, with each of its methods."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                yield from ((method, route) for method in sorted(route.methods or ()))


def resources() -> Iterator[tuple[str, APIRoute]]:
    """Those of them that only known callers get."""
    return ((method, route) for method, route in operations() if route.path.startswith(RESOURCES))


def leaves(needs: Dependant) -> list[Permission | None]:
    """The permissions that a route names; None is for everybody who is known."""
    found = [needs.call.permission] if isinstance(needs.call, Leave) else []
    return found + [leave for each in needs.dependencies for leave in leaves(each)]


def allowed(route: APIRoute) -> frozenset[Role]:
    """Who may call a resource."""
    (permission,) = leaves(route.dependant)
    return frozenset(Role) if permission is None else MAY[permission]
