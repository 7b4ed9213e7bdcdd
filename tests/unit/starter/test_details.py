"""An event's details, as people read them."""

from typing import get_args
from zoneinfo import ZoneInfo

from cadence import events as e
from starter.details import SAID, UNSAID, details

LISBON = ZoneInfo("Europe/Lisbon")


def test_every_field_of_every_event_is_said_or_left_out_on_purpose() -> None:
    fields = {name for event in get_args(e.Event) for name in event.model_fields}
    read_with_them = {"carrier"}  # the number of the invoice whose message `into` names
    assert fields | read_with_them == set(SAID) | UNSAID
    assert not set(SAID) & UNSAID


def test_instants_are_on_the_clock_that_was_asked_for() -> None:
    skipped = {
        "step": "first",
        "occurrence": 1,
        "reason": "before_arrival",
        "planned_at": "2026-07-01T08:00:00Z",
    }
    assert details(skipped, "EUR", LISBON) == "first, before arrival, planned for 2026-07-01 09:00"


def test_an_amount_has_its_own_currency_or_the_invoices() -> None:
    assert details({"amount": "20.50", "currency": "USD", "method": "pix"}, "EUR", LISBON) == "USD 20.50, pix"
    assert details({"amount": "20.50", "by": "2026-07-01"}, "EUR", LISBON) == "EUR 20.50, by 2026-07-01"


def test_addresses_are_told_by_channel_and_never_by_fingerprint() -> None:
    received = {"segment": "smb", "addresses": {"sms": "b742e554", "email": "25d8a0a4"}}
    assert details(received, "EUR", LISBON) == "smb, reached by email, sms"


def test_a_later_occurrence_and_a_hold_without_an_end_are_named() -> None:
    assert details({"step": "first", "occurrence": 2}, "EUR", LISBON) == "first, turn 2"
    assert details({"hold": "h-1", "until": None}, "EUR", LISBON) == "until somebody resumes"
