"""The words that every room shares: languages, channels, money."""

import re
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints


class Language(StrEnum):
    """What a customer reads; BCP 47 tags, also the names of the folders in `templates/`."""

    PT_BR = "pt-BR"
    PT_PT = "pt-PT"
    ES = "es"
    EN = "en"
    FR = "fr"


class Channel(StrEnum):
    """A way to reach a person."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"


# What a customer who writes back means; the channels read it out of the text.
Intent = Literal["stop", "stop_unsure", "start", "wrong", "paid", "help", "other"]

# Why one channel, or one address, is not to be used; `wrong_person` is somebody else's address.
ChannelReason = Literal["opt_out", "complaint", "bad_address", "recipient_limit", "wrong_person"]
# Why a person is not to be contacted by any channel; people alone may speak to them.
PersonReason = Literal["legal_cease", "vulnerable", "deceased", "minor"]

# The role of the contact to whom Régua writes where a document names no other, or nobody has the one it names.
BILLING = "billing"

Debtor = Literal["consumer", "business"]
# What a debt that is late is made of.
Part = Literal["costs", "interest", "principal"]
# Whether a creditor collects its own money (`first`) or another's (`third`).
Party = Literal["first", "third"]

# ISO 4217 minor units of the currencies in which Régua writes messages; all others are refused at the door.
MINOR_UNITS = {
    "BRL": 2, "EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "MXN": 2, "COP": 2, "ARS": 2, "PEN": 2, "CAD": 2,
    "AUD": 2, "MZN": 2, "AOA": 2, "MAD": 2, "CLP": 0, "PYG": 0, "JPY": 0, "XOF": 0,
}  # fmt: skip


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round `amount` half up to the minor unit of `currency` (ISO 4217)."""
    return amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[currency]), rounding=ROUND_HALF_UP)


def is_sum(amount: Decimal, currency: str) -> bool:
    """Whether `amount` can be paid in `currency` (ISO 4217): above zero, and no finer than its minor unit."""
    return amount.is_finite() and amount > 0 and amount == rounded(amount, currency)


def _exact(value: object) -> object:
    if isinstance(value, float):
        message = "amounts are exact: write them as text, never as a floating point number"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError with the field's place
    return value


def _known_currency(value: str) -> str:
    if value not in MINOR_UNITS:
        message = f"{value!r} is not a currency Régua writes in; it knows {', '.join(sorted(MINOR_UNITS))}"
        raise ValueError(message)
    return value


def _opens_first(hours: str) -> str:
    opens, _, closes = hours.partition("-")
    if opens >= closes:
        message = f"{hours} leaves no time; write the earlier hour first, such as 10:00-12:00"
        raise ValueError(message)
    return hours


def _each_once(order: tuple[Part, Part, Part]) -> tuple[Part, Part, Part]:
    if len(set(order)) < len(order):
        message = "name costs, interest and principal once each, in the order in which money settles them"
        raise ValueError(message)
    return order


def one_line(value: str) -> str:
    """Collapse white space, and refuse control characters, bidi overrides and zero-width marks."""
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]", value):
        message = "the text holds invisible control characters; write it as plain text on one line"
        raise ValueError(message)
    return " ".join(value.split())


Money = Annotated[Decimal, BeforeValidator(_exact), Field(max_digits=14, allow_inf_nan=False)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
Line = Annotated[str, AfterValidator(one_line), StringConstraints(min_length=1)]
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
# From when until when on a day, by the customer's own clock.
DayHours = Annotated[str, StringConstraints(pattern=rf"^{_CLOCK}-{_CLOCK}$"), AfterValidator(_opens_first)]
# A way to pay, as a code of the creditor's own; empty where nobody said.
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{0,40}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
# In which order money settles the parts of a debt.
PartOrder = Annotated[tuple[Part, Part, Part], AfterValidator(_each_once)]
