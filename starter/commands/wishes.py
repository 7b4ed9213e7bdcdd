"""Commands that say how a customer may be reached: closed and opened channels, consents, preferences."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter, ValidationError

from cadence import events as e
from cadence.spans import WEEKDAYS, Weekday
from cadence.words import Channel, ChannelReason, DayHours, PersonReason
from ledger.unit import Origin
from starter import wishes
from starter.commands import options as o
from starter.printing import say, words
from starter.session import Refusal, wall_clock, with_ledger
from starter.standing import CustomerStanding, report_customer
from starter.storytelling import preferred
from starter.whose import Whose

Customer = Annotated[
    str, typer.Option("--customer", help="The creditor's key of the customer.", show_default=False)
]
MaybeChannel = Annotated[Channel | None, typer.Option("--channel", help="One channel; without it, all.")]
Role = Annotated[
    str | None,
    typer.Option("--role", help="Of the contacts with this role; the billing contact if left out."),
]
Address = Annotated[str | None, typer.Option("--address", help="Of this e-mail address or number alone.")]
ByChannel = Annotated[Channel, typer.Option("--channel", help="The channel agreed to.", show_default=False)]
Channels = Annotated[
    list[Channel] | None, typer.Option("--channel", help="By this channel only; may be given more than once.")
]
Why = Annotated[
    Literal[ChannelReason, PersonReason],
    typer.Option("--reason", help="The last four are said of the person, and close every channel.", show_default=False),
]  # fmt: skip
Proof = Annotated[
    str, typer.Option("--note", help="What shows it, for the log: who said so, and how.", show_default=False)
]
Wording = Annotated[
    str, typer.Option("--wording", help="Which version of the text was agreed to.", show_default=False)
]
At = Annotated[
    str | None, typer.Option("--at", help="When, such as 2026-03-31T14:30 in UTC; now if left out.")
]
Hours = Annotated[str | None, typer.Option("--hours", help="In these hours only, such as 10:00-12:00.")]
Days = Annotated[str | None, typer.Option("--days", help="On these days only, such as mon,tue.")]
Clear = Annotated[bool, typer.Option("--clear", help="Take back what was stated.")]
UTC = ZoneInfo("UTC")
_HOURS: TypeAdapter[str] = TypeAdapter(DayHours)


def suppress(
    customer: Customer,
    reason: Why,
    channel: MaybeChannel = None,
    role: Role = None,
    address: Address = None,
    note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Use a channel no more for a customer, or contact them no more at all: for every invoice, from now on."""
    whose = _read_whose(role, address)
    _tell(
        customer,
        o.read_origin(actor, note),
        lambda stands, now: wishes.suppress(stands, now, reason=reason, channel=channel, whose=whose),
    )
    which = "any channel" if channel is None else channel
    handed = " What falls due opens a case." if reason in get_args(PersonReason) else ""
    say(f"{_named(customer, whose)}: not to be contacted by {which} ({words(reason)}).{handed}")


def unsuppress(
    customer: Customer, note: Proof, channel: MaybeChannel = None, role: Role = None, address: Address = None,
    actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Use a channel again for a customer; without one, lift what forbids to contact them at all.

    With a role or an address, use those addresses again.
    """
    whose = _read_whose(role, address)
    stands = _tell(
        customer,
        o.read_origin(actor, note),
        lambda stands, now: wishes.unsuppress(stands, now, channel=channel, whose=whose),
    )
    closed = [f"{each} ({words(why)})" for each in Channel if (why := stands.facts.unusable(each))]
    left = f" Still closed: {', '.join(closed)}." if closed and whose == wishes.BILLED else ""
    say(f"{_named(customer, whose)}: may be contacted{f' by {channel}' if channel else ''} again.{left}")


def _read_whose(role: str | None, address: str | None) -> Whose:
    with o.named_options():
        return Whose(None if role is None else o.read_code("--role", role), address)


def _named(customer: str, whose: Whose) -> str:
    """Who is meant, in words that hold no address."""
    if whose.address is not None:
        return f"{customer}, that address"
    return f"{customer}, {whose.role}" if whose.role else customer


def consent(
    customer: Customer, channel: ByChannel, wording: Wording, note: Proof, at: At = None, role: Role = None,
    address: Address = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Keep that a customer agreed to be reached by a channel: under which wording, when, and what shows it."""
    code, whose = o.read_code("--wording", wording), _read_whose(role, address)
    when = None if at is None else o.read_instant("--at", at, UTC)
    _tell(
        customer,
        o.read_origin(actor, note),
        lambda stands, now: wishes.consent(stands, now, channel=channel, wording=code, at=when, whose=whose),
    )
    say(f"{_named(customer, whose)}: agreed to {channel} (wording {code}).")


def prefer(
    customer: Customer, channel: Channels = None, hours: Hours = None, days: Days = None, clear: Clear = False,
    note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """State how a customer wants to be reached; it replaces what was stated before, and never widens a rule."""
    if clear == bool(channel or hours or days):
        raise Refusal(
            "say what is preferred by --channel, --hours or --days, or --clear alone to take it back"
        )
    span, named = _read_hours(hours), _read_days(days)
    stands = _tell(
        customer,
        o.read_origin(actor, note),
        lambda stands, now: wishes.prefer(stands, now, channels=channel or None, hours=span, days=named),
    )
    wish = preferred(stands.facts.preference)
    say(f"{customer}: {f'prefers {wish}' if wish else 'no preference any more'}.")


def _read_hours(text: str | None) -> str | None:
    try:
        return None if text is None else _HOURS.validate_python(text)
    except ValidationError:
        raise Refusal(
            f"--hours: {text!r} are no hours of a day; write the earlier one first, such as 10:00-12:00"
        ) from None


def _read_days(text: str | None) -> list[Weekday] | None:
    if text is None:
        return None
    named = [day.strip() for day in text.split(",")]
    if not set(named) <= set(WEEKDAYS):
        raise Refusal(f"--days: {text!r} are no days; write some of {','.join(WEEKDAYS)}")
    return [day for day in WEEKDAYS if day in named]


def _tell(
    key: str, origin: Origin, judge: Callable[[CustomerStanding, datetime], Sequence[e.CustomerEvent]]
) -> CustomerStanding:
    with o.named_options():
        return with_ledger(lambda ledger: report_customer(ledger, key, origin, judge, wall_clock()))
