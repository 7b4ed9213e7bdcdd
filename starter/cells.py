"""Reads cells as what their columns hold; a ValueError's text says what is wrong and what to write."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from holidays import country_holidays

from cadence.words import MINOR_UNITS, Channel, Language
from starter.places import countries
from starter.tables import Cell, as_text

_zones = cache(available_timezones)
# Countries of which the library `holidays` knows every first-level subdivision by its ISO code.
_LISTED = ("AU", "BR", "CA", "DE", "PT", "US")
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,59}")


def shown(text: str) -> str:
    """A text in quotes, short enough for a sentence."""
    quoted = repr(text)
    return quoted if len(quoted) <= 60 else quoted[:56] + "...'"


def country(text: str) -> str:
    """An ISO 3166 code."""
    if text.upper() not in countries():
        raise ValueError(f"{shown(text)} is no country; write its ISO 3166 code, as BR")
    return text.upper()


def language(text: str) -> Language:
    """One of the five languages, however its tag is capitalised."""
    found = next((known for known in Language if known.lower() == text.lower().replace("_", "-")), None)
    if found is None:
        raise ValueError(f"{shown(text)} is no language of ours; write {', '.join(Language)}")
    return found


def channels(text: str) -> tuple[Channel, ...]:
    """Channels with spaces, commas or semicolons between them."""
    named = re.split(r"[\s,;]+", text.lower())
    unknown = [each for each in named if each not in set(Channel)]
    if unknown:
        raise ValueError(
            f"{shown(unknown[0])} is no channel; write {', '.join(Channel)}, with spaces between"
        )
    return tuple(channel for channel in Channel if channel in named)


def subdivision(text: str, country: str | None) -> str:
    """An ISO 3166-2 code, with or without its country before it; a slip would miss the state's law and holidays."""
    place, _, code = text.upper().rpartition("-")
    if not re.fullmatch(r"[A-Z0-9]{1,3}", code) or (place and country and place != country):
        raise ValueError(f"{shown(text)} is no subdivision; write its ISO 3166-2 code, as SP or BR-SP")
    if country in _LISTED and code not in _subdivisions(country):
        raise ValueError(f"{shown(text)} is no subdivision of {country}; write its ISO 3166-2 code")
    return code


@cache
def _subdivisions(country: str) -> frozenset[str]:
    return frozenset(country_holidays(country).subdivisions)


def zone(text: str) -> str:
    """A zone of the IANA database."""
    if text not in _zones():
        raise ValueError(f"{shown(text)} is no zone of the IANA database; write it as America/Sao_Paulo")
    return text


def currency(text: str) -> str:
    """An ISO 4217 code of a currency that Régua writes in."""
    if text.upper() not in MINOR_UNITS:
        raise ValueError(f"{shown(text)} is not a currency Régua writes in: {', '.join(sorted(MINOR_UNITS))}")
    return text.upper()


def too_fine(amount: Decimal, currency: str) -> bool:
    """Whether an amount has more decimals than its currency's minor unit (ISO 4217)."""
    exponent = amount.normalize().as_tuple().exponent
    return currency in MINOR_UNITS and isinstance(exponent, int) and -exponent > MINOR_UNITS[currency]


def email(text: str) -> str:
    """An address of the right form; whether it exists is for its first bounce to tell."""
    try:
        return str(validate_email(text, check_deliverability=False).normalized)
    except EmailNotValidError as error:
        raise ValueError(f"{shown(text)} is no e-mail address: {str(error).rstrip('.')}") from None


def phone(text: str, region: str | None) -> str:
    """A number in E.164; one without + is read as dialled in the country `region`.

    Possible rather than valid: the library's lists lag behind newly opened ranges, and know none that are reserved
    for examples.
    """
    hint = "write it in full, as +55 11 90000-0101"
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise ValueError(f"{shown(text)} is no phone number; {hint}") from None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError(f"{shown(text)} has too few or too many digits for a phone number; {hint}")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def code(text: str) -> str:
    """A code: small letters, digits, - and _; spaces and capitals are forgiven."""
    plain = "_".join(text.lower().split())
    if not _CODE.fullmatch(plain):
        raise ValueError(f"{shown(text)} is no code; write small letters, digits, - and _")
    return plain


class RowReader:
    """One row on its way to what it means, collecting every fault, so that a person mends it once."""

    def __init__(self, cells: Mapping[str, Cell]) -> None:
        self.cells = cells
        self.faults: dict[str, str] = {}

    def text(self, column: str, parse: Callable[[str], Any]) -> Any:
        """A column's text as `parse` reads it; None where it is empty, or wrong and noted."""
        return self.cell(column, lambda cell: parse(as_text(cell)))

    def cell(self, column: str, parse: Callable[[Cell], Any]) -> Any:
        """A column's cell as `parse` reads it; None where it is empty, or wrong and noted."""
        if column not in self.cells:
            return None
        try:
            return parse(self.cells[column])
        except ValueError as error:
            self.faults[column] = str(error)
            return None

    def objections(self, columns: Iterable[str]) -> str:
        """Every fault in the order of `columns`; empty where there is none."""
        return "; ".join(f"{column}: {self.faults[column]}" for column in columns if column in self.faults)
