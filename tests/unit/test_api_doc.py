"""docs/api.md says who may do what, and which requests there are, as the code does."""

import re
from pathlib import Path

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from starter.api.app import ROUTERS
from starter.api.identity import Leave
from starter.api.roles import MAY, Permission, Role

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
# These have a page of their own.
ENDPOINTS = "/v1/webhook-endpoints"


def _needs(dependant: Dependant) -> str | None:
    """What a route needs leave for; None where whoever is known may."""
    if isinstance(dependant.call, Leave):
        return dependant.call.permission
    return next(filter(None, map(_needs, dependant.dependencies)), None)


def _shown(path: str) -> str:
    """An address as people read it: our own ids are all called `id`."""
    return re.sub(r"\{\w+_id\}", "{id}", path.replace(":path", ""))


def test_the_table_of_roles_is_the_codes() -> None:
    heading = re.search(r"^\| Permission \| (.*) \| For \|$", TEXT, re.MULTILINE)
    assert heading is not None
    roles = [Role(name) for name in heading[1].split(" | ")]
    rows = re.findall(rf"^\| `(\w+)` \|((?: x? ?\|){{{len(roles)}}})", TEXT, re.MULTILINE)
    told = {
        Permission(name): {role for role, cell in zip(roles, cells.split("|"), strict=False) if cell.strip()}
        for name, cells in rows
    }
    assert set(roles) == set(Role)
    assert told == MAY


def test_every_request_is_told_with_what_it_needs() -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/v1/[^`]+)` \| `?([\w ]+?)`? \|", TEXT, re.MULTILINE)
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    known = {
        (method, _shown(route.path), _needs(route.dependant) or "any token")
        for route in routes
        for method in route.methods or ()
        if route.path.startswith("/v1/") and not route.path.startswith(ENDPOINTS)
    }
    assert set(rows) == known
