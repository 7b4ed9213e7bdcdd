"""The fields of payment bodies: how they are read, and what is said of those that cannot be."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Never, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from channels.rails.money import MalformedWebhook, Reference

# ISO 4217 minor units of the currencies in which Régua writes messages, as in cadence/words.py: rooms apart.
MINOR_UNITS = {
    "BRL": 2, "EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "MXN": 2, "COP": 2, "ARS": 2, "PEN": 2, "CAD": 2,
    "AUD": 2, "MZN": 2, "AOA": 2, "MAD": 2, "CLP": 0, "PYG": 0, "JPY": 0, "XOF": 0,
}  # fmt: skip
# Years before this one do not survive a change of zone, and are no payment's.
PAST = datetime(1990, 1, 1, tzinfo=UTC)
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_CREDITOR_REFERENCE = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}", re.ASCII)
Model = TypeVar("Model", bound=BaseModel)


class Body(BaseModel):
    """What is read of a body; other fields are nobody's business, and are not read."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _exact(value: object) -> object:
    if isinstance(value, float | bool):
        message = "amounts are exact: write them as text, never as a floating point number"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError with the field's place
    return value


def _plain(value: str) -> str:
    if re.search(r"[^\s\x20-\U0010ffff]", value) or _INVISIBLE.search(" ".join(value.split())):
        raise ValueError("the text holds invisible control characters; write it as plain text on one line")
    return " ".join(value.split())


def _possible(value: datetime) -> datetime:
    if value < PAST:
        raise ValueError("this instant lies before 1990; check the sender's clock")
    return value.astimezone(UTC)


Amount = Annotated[
    Decimal, BeforeValidator(_exact), Field(gt=0, max_digits=14, decimal_places=4, allow_inf_nan=False)
]
Line = Annotated[str, AfterValidator(_plain), StringConstraints(min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,150}$")]
"""An id as providers make them; fit for a path."""
Instant = Annotated[AwareDatetime, AfterValidator(_possible)]
"""Aware, from 1990 on, in UTC."""


def json_object(raw: bytes | str) -> dict[str, Any]:
    """The JSON object in `raw`, numbers with a fraction as `Decimal`; raises `MalformedWebhook`."""
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise MalformedWebhook("the body is not a JSON object")
    return value


def _no_number(_name: str) -> Never:
    raise ValueError("JSON has no such number")


def json_text(value: Mapping[str, Any]) -> str:
    """`value` as JSON in ASCII, as the inbox can keep it; amounts become text."""
    return json.dumps(value, default=str)


def read_as(model: type[Model], value: object) -> Model:
    """`value` as `model`; raises `MalformedWebhook` with a sentence for the first field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) + ": " if first["loc"] else ""
    raise MalformedWebhook(place + first["msg"].removeprefix("Value error, "))


def plain(text: object, most: int = 200) -> str | None:
    """`text` as one line of at most `most` characters without invisible ones; None where nothing is left."""
    if not isinstance(text, str):
        return None
    return " ".join(_INVISIBLE.sub(" ", text).split())[:most] or None


def named(text: object) -> tuple[Reference, ...]:
    """The references in a text that was told as a reference, of whatever kind."""
    line = plain(text)
    if line is None:
        return ()
    squeezed = line.replace(" ", "").upper()
    if _CREDITOR_REFERENCE.fullmatch(squeezed):
        return (Reference("creditor_reference", squeezed),)
    words = (Reference("text", line),) if " " in line else ()
    return (Reference("reference", line), *words)


def of_kind(kind: str, text: object) -> tuple[Reference, ...]:
    """A reference whose kind is known; empty where there is no text."""
    line = plain(text, 500 if kind == "text" else 200)
    return (Reference(kind, line),) if line is not None else ()  # type: ignore[arg-type]  # callers write literals


def slug(text: object) -> str:
    """A method's name as a slug of at most 40 characters, "" where there is none."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40] if isinstance(text, str) else ""
