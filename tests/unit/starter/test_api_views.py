"""ETags and cursors: what callers hand back to the service, and what it makes of it."""

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from fastapi import Request, Response
from pydantic import BaseModel

from starter.api.etags import answer, etag_of, require_match
from starter.api.paging import decode_cursor, encode_cursor
from starter.api.problems import ApiProblem


class View(BaseModel):
    number: str
    balance: Decimal


VIEW = View(number="INV-1", balance=Decimal("10.00"))


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


def test_equal_views_have_equal_tags_and_others_have_not() -> None:
    assert etag_of(VIEW) == etag_of({"balance": "10.00", "number": "INV-1"})
    assert etag_of(VIEW) != etag_of(VIEW.model_copy(update={"balance": Decimal("10.01")}))
    assert etag_of(VIEW).startswith('"')


def test_an_answer_carries_the_tag_of_its_view() -> None:
    response = Response()
    assert answer(response, VIEW) is VIEW
    assert response.headers["etag"] == etag_of(VIEW)


@pytest.mark.parametrize("given", [None, "*", etag_of(VIEW), f'"other", {etag_of(VIEW)}'])
def test_a_change_to_what_was_seen_passes(given: str | None) -> None:
    require_match(request(**({"if_match": given} if given else {})), VIEW)


@pytest.mark.parametrize("given", ['"other"', f"W/{etag_of(VIEW)}", etag_of(VIEW).strip('"'), ""])
def test_a_change_to_something_else_is_refused(given: str) -> None:
    with pytest.raises(ApiProblem, match="read it again") as refused:
        require_match(request(if_match=given), VIEW)
    assert (refused.value.status, refused.value.code) == (412, "precondition_failed")


def test_a_position_comes_back_as_it_was() -> None:
    position = {
        "id": 17,
        "due_on": date(2026, 3, 10),
        "at": datetime(2026, 3, 2, 10, tzinfo=UTC),
        "balance": Decimal("120.5000"),
        "name": "Padaria São João/ç",
        "after": None,
    }
    kinds: dict[str, Any] = {
        "id": int, "due_on": date, "at": datetime, "balance": Decimal, "name": str, "after": int | None,
    }  # fmt: skip
    cursor = encode_cursor(position)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, **kinds) == position


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "%%%", "\u00e9", "bnVsbA", encode_cursor({}), encode_cursor({"id": "a"}),
        encode_cursor({"id": 1, "more": 2}), encode_cursor({"id": 2**63}), encode_cursor({"id": None}),
        base64.urlsafe_b64encode(b"[" * 700).decode(), base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ApiProblem, match="begin again without one") as refused:
        decode_cursor(cursor, id=int)
    assert (refused.value.status, refused.value.code) == (400, "bad_cursor")


def test_a_text_that_the_ledger_cannot_keep_is_no_cursor() -> None:
    with pytest.raises(ApiProblem, match="no cursor"):
        decode_cursor(encode_cursor({"name": "a\0b"}), name=str)
