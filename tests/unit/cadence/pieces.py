"""What a game is played with: the creditor, the laws, cadences and their steps, a customer."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cadence.creditor import Creditor
from cadence.customer_facts import CustomerFacts
from cadence.document import Cadence
from cadence.reading import read_document
from cadence.words import Channel
from starter.documents import read_packs

# Every law that is shipped, for whoever lives under it.
PACKS = read_packs(Path("policies"))
ADDRESSES = {Channel.EMAIL: "e1", Channel.SMS: "s1", Channel.WHATSAPP: "w1"}


@cache
def creditor() -> Creditor:
    """The shipped creditor, who attests WhatsApp."""
    return read_document(Creditor, Path("creditor.yaml").read_text(encoding="utf-8"), "creditor.yaml")


def cadence(*steps: Mapping[str, Any], **more: Any) -> Cadence:
    """A cadence of these steps in one stage, `overdue`, unless they or `more` name others."""
    stages = tuple(dict.fromkeys(step.get("stage", "overdue") for step in steps))
    document = {"name": "test", "title": "Test", "segments": ("test",), "stages": stages} | more
    return Cadence.model_validate(document | {"steps": [{"stage": "overdue"} | dict(step) for step in steps]})


def send(step_id: str, at: str, *channels: str, **more: Any) -> dict[str, Any]:
    """A step that sends, by e-mail where no channel is named; `fallback`, `to` and `cc` go into its message."""
    message: dict[str, Any] = {"template": "reminder", "channels": channels or ("email",)}
    message |= {name: more.pop(name) for name in ("fallback", "to", "cc") if name in more}
    return {"id": step_id, "at": at, "send": message, **more}


def case(step_id: str, at: str, **more: Any) -> dict[str, Any]:
    """A step that opens a case."""
    return {"id": step_id, "at": at, "open_case": {"queue": "people", "reason": "call"}, **more}


def hand_over(step_id: str, at: str, **more: Any) -> dict[str, Any]:
    """A step that closes the invoice."""
    return {"id": step_id, "at": at, "hand_over": {"to": "collector"}, **more}


def customer(zone: str = "America/Sao_Paulo", country: str = "BR", **more: Any) -> CustomerFacts:
    """A customer with all addresses."""
    given = {"segment": "test", "language": "en", "country": country, "zone": zone, "addresses": ADDRESSES}
    return CustomerFacts.model_validate(given | more)


def instalments_from(first: date, amounts: Sequence[Any], days: int = 7) -> list[dict[str, Any]]:
    """The parts of a plan, as they are written, so many days apart."""
    return [
        {"due_on": first + timedelta(days=days * turn), "amount": amount}
        for turn, amount in enumerate(amounts)
    ]


def instant(text: str) -> datetime:
    """An aware instant in UTC, written `2026-03-02 12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
