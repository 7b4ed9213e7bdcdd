"""Paging by cursor: where the next page begins, handed to callers as an opaque word."""

import base64
import json
from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, create_model
from pydantic_core import to_json

from starter.api.problems import ApiProblem

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=200, description="How many items at most.")]
Cursor = Annotated[
    str | None, Query(max_length=1_000, description="`next` of the page before; without it, the first page.")
]
DEFAULT_LIMIT = 50
# What the ledger's ids and counts can be.
_BIGINT = 2**63 - 1


class Page(BaseModel, Generic[T]):
    """Some of a list, in a stable order; `next` is the cursor of what follows, or null at its end."""

    items: list[T]
    next: str | None = None


def encode_cursor(position: Mapping[str, Any]) -> str:
    """A position (numbers, texts, dates, instants, amounts by name) as a word that can stand in an address."""
    return base64.urlsafe_b64encode(to_json(dict(position))).decode().rstrip("=")


def decode_cursor(cursor: str, **kinds: Any) -> dict[str, Any]:
    """The position in a cursor, with exactly the names in `kinds`, each of its type: `decode_cursor(c, id=int)`.

    Cursors are no secret and not signed: a position only says where to go on in a list that the caller may
    see. Raises ApiProblem 400 `bad_cursor` for anything else than such a position.
    """
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        found = _shape(kinds).model_validate(position).model_dump()
    except (ValueError, RecursionError):
        raise _bad_cursor() from None
    if any(_unfit(value) for value in found.values()):
        raise _bad_cursor()
    return found


def _shape(kinds: Mapping[str, Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {name: (kind, ...) for name, kind in kinds.items()}
    return create_model("Position", __config__=ConfigDict(extra="forbid"), **fields)


def _unfit(value: object) -> bool:
    """What PostgreSQL would stumble over."""
    return (isinstance(value, int) and abs(value) > _BIGINT) or (isinstance(value, str) and "\0" in value)


def _bad_cursor() -> ApiProblem:
    return ApiProblem(400, "bad_cursor", "this is no cursor of this list; begin again without one")
