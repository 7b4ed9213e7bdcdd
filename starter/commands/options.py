"""The options that many commands share, and how their values are read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cadence.words import one_line
from ledger.unit import Origin
from starter.session import Refusal, system_user

Invoice = Annotated[str, typer.Argument(help="The creditor's own number of the invoice.", show_default=False)]
Amount = Annotated[str, typer.Argument(help="The amount, such as 120.00.", show_default=False)]
Actor = Annotated[str, typer.Option("--actor", envvar="REGUA_ACTOR", help="Who says so, for the log.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Note = Annotated[str | None, typer.Option("--note", help="A remark for the log; customers never see it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, as a code such as wrong-amount.")]
Once = Annotated[
    str | None, typer.Option("--id", help="The payment's own id: telling it twice then changes nothing.")
]
ACTOR = system_user()
UNSPECIFIED = "unspecified"
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,59}")
# By which option each argument of an act is said.
_OPTIONS = {
    "address": "--address",
    "answer_by": "--answer-by",
    "at": "--at",
    "by": "--on",
    "channel": "--channel",
    "channels": "--channel",
    "country": "--country",
    "credit": "--credit",
    "currency": "--currency",
    "due": "--due",
    "id": "--id",
    "instalments": "--instalment",
    "replaces": "--replace",
    "role": "--role",
    "stage": "--stage",
    "step": "--step",
    "to": "--to",
    "until": "--until",
}


@contextmanager
def named_options() -> Iterator[None]:
    """Name the option where an act refuses an argument."""
    try:
        yield
    except Refusal as refusal:
        if refusal.field not in _OPTIONS:
            raise
        raise Refusal(f"{_OPTIONS[refusal.field]}: {refusal}") from None


def read_origin(actor: str, note: str | None, source: str = "cli", external_id: str | None = None) -> Origin:
    """Who says so; raise Refusal where a text is empty or holds control characters."""
    return Origin(
        read_line("--actor", actor),
        source,
        external_id if external_id is None else read_line("--id", external_id),
        note if note is None else read_line("--note", note),
    )


def read_line(option: str, text: str) -> str:
    """One line of text of at most 500 characters."""
    try:
        line = one_line(text)
    except ValueError as error:
        raise Refusal(f"{option}: {error}") from None
    if not 0 < len(line) <= 500:
        raise Refusal(
            f"{option} is {'empty' if not line else 'too long'}; write one line of at most 500 characters"
        )
    return line


def read_code(option: str, text: str) -> str:
    """A reason, as a code: codes travel to places where free text must not."""
    if not _CODE.fullmatch(text):
        raise Refusal(
            f"{option}: {text!r} is no code; write small letters, digits, - and _, such as wrong-amount"
        )
    return text


def read_amount(text: str) -> Decimal:
    """An exact amount; whether it makes sense is for the act to judge."""
    try:
        amount = Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?", text) else None
    except InvalidOperation:
        amount = None
    if amount is None:
        raise Refusal(f"{text!r} is no amount; write digits and a point for the decimals, such as 1200.50")
    return amount


def read_date(option: str, text: str) -> date:
    """An ISO date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(
            f"{option}: {text!r} is no date; write year, month and day, such as 2026-03-31"
        ) from None


def read_instant(option: str, text: str, zone: ZoneInfo) -> datetime:
    """An ISO instant; read in `zone` where it names no offset."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(
            f"{option}: {text!r} is no instant; write 2026-03-31T14:30 or add an offset, +00:00"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)
