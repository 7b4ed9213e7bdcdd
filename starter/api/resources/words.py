"""The words that requests are made of, each checked in one place; and what they all need of a request."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema

from cadence.words import Code, Line, Slug, one_line
from starter.acts import UNSPECIFIED
from starter.api.identity import may
from starter.api.paging import encode_cursor
from starter.api.roles import Permission
from starter.api.service import Caller, Service, service
from starter.written import WrittenDay

_AMOUNT = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"


def _read_amount(given: object) -> Decimal:
    if not isinstance(given, str) or not re.fullmatch(_AMOUNT, given):
        raise ValueError('an amount is text, with a point for the decimals, such as "1200.50"')
    return Decimal(given)


def _read_key(given: str) -> str:
    key = one_line(given)
    if not key:
        raise ValueError("it is blank; write what the creditor's books have")
    return key


Amount = Annotated[
    Decimal, BeforeValidator(_read_amount), WithJsonSchema({"type": "string", "pattern": _AMOUNT})
]
Note = Annotated[Line, StringConstraints(max_length=500)]
EventId = Annotated[Line, StringConstraints(max_length=200)]
Method = Code
Number = Annotated[
    str,
    Path(min_length=1, max_length=30, description="The creditor's own number."),
    AfterValidator(_read_key),
]
CustomerKey = Annotated[
    str, Path(min_length=1, max_length=60, description="The creditor's own key."), AfterValidator(_read_key)
]
ContactKey = Annotated[
    str,
    Path(min_length=1, max_length=60, description="The creditor's own key of a contact."),
    AfterValidator(_read_key),
]
# Ids of ours: what PostgreSQL's bigint holds.
Id = Annotated[int, Path(ge=1, le=2**62)]

Reader = Annotated[Caller, Depends(may(Permission.READ))]
Serving = Annotated[Service, Depends(service)]


class Order(BaseModel):
    """What a request asks for; a field that it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Remark(Order):
    """A remark for the log, which customers never see."""

    model_config = ConfigDict(json_schema_extra={"example": {"note": "asked by phone"}})

    note: Note | None = None


class Why(Remark):
    """A reason, as a code such as `wrong-amount`, and a remark."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "wrong-amount"}})

    reason: Slug = UNSPECIFIED


class HoldOrder(Why):
    """A pause to the end of the day `until` where the customer is; without it, until somebody releases it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"reason": "flooded", "until": "2026-12-01", "note": "asked by phone"}}
    )

    until: WrittenDay | None = None


def creditors_today(held: Service) -> date:
    """The date in the creditor's zone, from which days overdue are counted."""
    return held.clock().astimezone(ZoneInfo(held.ledger.creditor.zone)).date()


def cursor_of(position: Mapping[str, Any] | None) -> str | None:
    """A page's `next`."""
    return None if position is None else encode_cursor(position)
