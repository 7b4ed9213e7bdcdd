"""An event's details as short words for people: the payload of the log, without keys and fingerprints."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cadence.recipients import NO_CONTACT
from cadence.words import BILLING
from starter.printing import local, money, words

# Keys and ids of our own, fingerprints, and what another column or another word says already.
UNSAID = frozenset({
    "attempt", "contact", "hold", "address", "close_below", "currency", "type", "on", "once", "of", "to",
    "customer", "into", "from_customer", "to_customer", "escalated",
})  # fmt: skip


def details(payload: Mapping[str, Any], currency: str, zone: ZoneInfo) -> str:
    """What an event says beyond its type: instants on the clock of `zone`, amounts in its currency or `currency`."""
    amounts = ("amount", "credit", "interest", "costs")
    said = {**payload} | {name: _amount(payload, name, currency) for name in amounts}
    if said.get("occurrence") == 1:
        del said["occurrence"]
    if not said.get("replaces"):
        said.pop("replaces", None)
    told = {name: value for name, value in said.items() if value not in (None, "", {}, [], "unspecified")}
    endless = ["until somebody resumes"] if "hold" in said and "until" in said and not said["until"] else []
    spoken = [say(told[name], zone) for name, say in SAID.items() if name in told]
    return ", ".join([*filter(None, spoken), *endless])


def _amount(payload: Mapping[str, Any], name: str, currency: str) -> str:
    amount = payload.get(name)
    return money(Decimal(amount), payload.get("currency", currency)) if amount is not None else ""


def _after(text: str) -> Callable[[Any, ZoneInfo], str]:
    return lambda value, _: f"{text} {value}"


def _plain(value: Any, _: ZoneInfo) -> str:
    return str(value)


def _words(value: Any, _: ZoneInfo) -> str:
    return words(value)


def _at(text: str) -> Callable[[Any, ZoneInfo], str]:
    return lambda value, zone: f"{text} {local(datetime.fromisoformat(value), zone)}"


def _reached(addresses: Mapping[str, str], _: ZoneInfo) -> str:
    return "reached by " + ", ".join(sorted(addresses))


def _recipients(found: Sequence[Mapping[str, str]], _: ZoneInfo) -> str:
    """The roles, where the message goes to others than the billing contact alone."""
    to, *copies = [each["role"] for each in found]
    copied = f", {' and '.join(copies)} in copy" if copies else ""
    return f"to {to}{copied}" if copies or to != BILLING else ""


def _left_out(found: Mapping[str, str], _: ZoneInfo) -> str:
    return ", ".join(
        f"no contact {role}" if why == NO_CONTACT else f"not to {role}: {words(why)}"
        for role, why in found.items()
    )


# In the order in which they are read aloud.
SAID: Mapping[str, Callable[[Any, ZoneInfo], str]] = {
    "step": _plain,
    "occurrence": lambda value, _: f"turn {value}",
    "signal": _plain,
    "delivery": _plain,
    "number": _plain,
    "role": _plain,
    "channel": _after("by"),
    "recipients": _recipients,
    "left_out": _left_out,
    "channels": lambda value, _: "by " + ", ".join(value),
    "hours": _plain,
    "days": lambda value, _: ", ".join(value),
    "wording": _after("wording"),
    "proof_at": _at("on"),
    "segment": _plain,
    "language": _plain,
    "country": _plain,
    "subdivision": _plain,
    "zone": _plain,
    "zone_assumed": lambda assumed, _zone: "the country's main zone, as nobody gave one" if assumed else "",
    "addresses": _reached,
    "amount": _plain,
    "interest": _after("interest"),
    "costs": _after("costs"),
    "up_to": _after("up to"),
    "regime": _after("by"),
    "order": lambda value, _: f"settled in the order {', '.join(value)}",
    "issued_on": _after("issued"),
    "due_on": _after("due"),
    "payment_method": _plain,
    "method": _plain,
    "by": _after("by"),
    "instalments": lambda parts, _: ", ".join(f"{part['amount']} by {part['due_on']}" for part in parts),
    "replaces": lambda _value, _zone: "instead of what was promised before",
    "cadence": _plain,
    "version": _after("version"),
    "before": _after("instead of"),
    "before_version": _after("version"),
    "rule": _after("by rule"),
    "takes_effect": lambda value, _: "from now on" if value == "now" else "from the next invoice on",
    "stage": _after("stage"),
    "outcome": _plain,
    "credit": lambda value, _: f"{value} credited",
    "reason": _words,
    "confirmed": lambda value, _: "confirmed" if value else "to be confirmed",
    "owner": _after("with"),
    "answer_by": _after("to be answered by"),
    "intent": lambda value, _: f"reads as {words(value)}",
    "carrier": _after("into the message on invoice"),
    "closes_as": _words,
    "queue": _after("to"),
    "error_class": _words,
    "code": _after("code"),
    "until": _at("until"),
    "planned_at": _at("planned for"),
}
