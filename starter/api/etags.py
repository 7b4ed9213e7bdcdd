"""ETags: a digest of what a caller saw, by which a change is refused when somebody else was faster."""

import hashlib
import json
from typing import TypeVar

from fastapi import Request, Response
from pydantic_core import to_jsonable_python

from starter.api.problems import ApiProblem

T = TypeVar("T")


def etag_of(view: object) -> str:
    """The strong ETag of a view (a model or plain data): equal views have equal tags, in every process."""
    text = json.dumps(to_jsonable_python(view), sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def answer(response: Response, view: T) -> T:
    """The view to return from a route, with its ETag set on the answer."""
    response.headers["ETag"] = etag_of(view)
    return view


def require_match(request: Request, current_view: object) -> None:
    """Raise ApiProblem 412 where the request's If-Match names neither the current view nor `*` (RFC 9110, 13.1.1).

    A request without If-Match passes. Call it where nothing can change any more before the write: under the lock.
    """
    given = request.headers.get("If-Match")
    if given is None:
        return
    tags = {tag.strip() for tag in given.split(",")}
    if tags.isdisjoint({"*", etag_of(current_view)}):
        raise ApiProblem(
            412,
            "precondition_failed",
            "this changed since you read it; read it again, then send the change anew",
        )
