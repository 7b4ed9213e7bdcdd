"""How a recipient's address behaves: which receipts a message to it brings, or which refusal."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from channels.sandbox.store import Owed

DEFAULT_DELAY = 0.05  # seconds: receipts come after the answer, and tests need not wait for them

_UNKNOWN_USER = {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"}
_BLOCKED = {"type": "blocked", "status": "4.7.1", "reason": "451 4.7.1 try again later"}

_Steps = list[tuple[str, dict[str, Any]]]

_EMAIL: dict[str, _Steps] = {
    "deliver": [("processed", {}), ("delivered", {})],
    "read": [("processed", {}), ("delivered", {}), ("open", {})],
    "defer": [("processed", {}), ("deferred", {}), ("delivered", {})],
    "bounce": [("processed", {}), ("bounce", _UNKNOWN_USER)],
    "block": [("processed", {}), ("bounce", _BLOCKED)],
    "spam": [("processed", {}), ("delivered", {}), ("spamreport", {})],
    "unsubscribe": [("processed", {}), ("delivered", {}), ("unsubscribe", {})],
    "silent": [],
}
_PHONE: dict[str, _Steps] = {
    "deliver": [("sent", {}), ("delivered", {})],
    "blocked": [("sent", {})],
    "silent": [],
}
_WHATSAPP: dict[str, _Steps] = {**_PHONE, "read": [("sent", {}), ("delivered", {}), ("read", {})]}
_HABITS = {"email": _EMAIL, "sms": _PHONE, "whatsapp": _WHATSAPP}

_FORMS = {
    "email": "drop, drop:REASON, reject:STATUS",
    "sms": "undelivered:CODE, failed:CODE, reject:CODE",
    "whatsapp": "undelivered:CODE, failed:CODE, reject:CODE",
}


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a message to an address meets: a refusal at once (`reject`), or receipts after acceptance."""

    steps: _Steps
    reject: int | None = None


def check(habits: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Habits by address, as posted; raises ValueError with a sentence on the first that makes no sense."""
    for address, habit in habits.items():
        if not isinstance(habit, dict):
            example = '{"email": "bounce"}'
            raise ValueError(f"{address}: expected an object such as {example}")  # noqa: TRY004  # bad input
        for key, value in habit.items():
            _check_entry(address, key, value)
    return {_folded(address): habit for address, habit in habits.items()}


def _check_entry(address: str, key: str, value: object) -> None:
    if key == "delay":
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{address}: delay must be a number of seconds")
    elif key not in _HABITS:
        raise ValueError(f"{address}: unknown key {key!r}; use email, sms, whatsapp or delay")
    else:
        reaction(key, str(value))


def reaction(channel: str, habit: str) -> Reaction:
    """What `habit` means on `channel`; raises ValueError with the words it could have been."""
    known = _HABITS[channel].get(habit)
    if known is not None:
        return Reaction(known)
    word, _, argument = habit.partition(":")
    if word == "drop" and channel == "email":
        return Reaction([("dropped", {"reason": argument or "Bounced Address"})])
    if word == "reject" and argument.isdigit():
        return Reaction([], reject=int(argument))
    if word in ("undelivered", "failed") and channel != "email" and argument.isdigit():
        last = (word, {"code": int(argument)})
        return Reaction([("sent", {}), last] if word == "undelivered" else [last])
    words = ", ".join(_HABITS[channel])
    raise ValueError(f"unknown habit {habit!r} for {channel}; use one of {words}, {_FORMS[channel]}")


def reaction_of(habits: dict[str, dict[str, Any]], channel: str, address: str) -> Reaction:
    """How `address` takes a message on `channel`; it is delivered unless told otherwise."""
    return reaction(channel, habits.get(_folded(address), {}).get(channel, "deliver"))


def delay_of(habits: dict[str, dict[str, Any]], address: str) -> float:
    """Seconds from acceptance to the last receipt."""
    return float(habits.get(_folded(address), {}).get("delay", DEFAULT_DELAY))


def owed(message_id: str, steps: _Steps, delay: float, *, copies: int, backwards: bool) -> list[Owed]:
    """The receipts of one message, spread evenly over `delay` seconds; `backwards`: the last comes first."""
    ordered = list(reversed(steps)) if backwards else steps
    return [
        Owed(uuid4().hex, message_id, event, round(delay * place / len(steps), 3), detail, copies)
        for place, (event, detail) in enumerate(ordered, start=1)
    ]


def _folded(address: str) -> str:
    return address.strip().lower()
