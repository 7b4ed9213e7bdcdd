"""The generic payment: what its body may say, and the sentence for each thing that it may not."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from cadence.words import MINOR_UNITS as WRITTEN
from channels.rails.bodies import MINOR_UNITS
from channels.rails.generic import GenericRail
from channels.rails.money import MalformedWebhook, MoneyNote, Reference

RAIL = GenericRail(SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
PAYMENT = {
    "id": "bank-1",
    "amount": "110.00",
    "currency": "EUR",
    "paid_at": "2026-03-02T11:00:00+02:00",
    "invoice": "2026/0001",
    "method": "transfer",
    "payer": {"name": "  Ana\u200b Exemplo "},
}


def _headers(identity: str = "msg_1") -> dict[str, str]:
    return {"webhook-id": identity, "webhook-timestamp": str(int(NOW.timestamp()))}


async def _read(**changes: Any) -> MoneyNote:
    [entry] = RAIL.entries(json.dumps(PAYMENT | changes).encode(), _headers(), {})
    [note] = await RAIL.read(entry.body)
    return note


SHARED: dict[str, Any] = {
    "invoice": None,
    "shares": [{"invoice": "A-1", "amount": "30.00"}, {"invoice": "A-2", "amount": "80.00"}],
}


async def test_a_whole_body_becomes_one_note() -> None:
    assert await _read() == MoneyNote(
        kind="payment",
        id="bank-1",
        amount=Decimal("110.00"),
        currency="EUR",
        at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        method="transfer",
        references=(Reference("invoice", "2026/0001"),),
        payer="Ana Exemplo",
    )


def test_the_inbox_knows_a_webhook_by_its_own_id() -> None:
    raw = json.dumps(PAYMENT).encode()
    assert [each.external_id for each in RAIL.entries(raw, _headers("msg_7"), {})] == ["msg_7"]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("rf18 5390 0754 7034", [Reference("creditor_reference", "RF18539007547034")]),
        (
            "fatura 2026/0001",
            [Reference("reference", "fatura 2026/0001"), Reference("text", "fatura 2026/0001")],
        ),
        ("7d9f", [Reference("reference", "7d9f")]),
        ("", []),
    ],
)
async def test_what_the_payer_quoted_is_told_with_its_kind_where_it_shows_one(
    reference: str, found: list[Reference]
) -> None:
    note = await _read(invoice=None, reference=reference)
    assert list(note.references) == found


async def test_several_invoices_and_the_customer_are_told_each_as_what_it_is() -> None:
    note = await _read(invoice="A-1", invoices=["A-1", " A-2 "], customer="N05")
    assert list(note.references) == [
        Reference("invoice", "A-1"),
        Reference("invoice", "A-2"),
        Reference("customer", "N05"),
    ]
    assert (await _read(invoice=None, customer="N05")).references == (Reference("customer", "N05"),)


async def test_what_is_for_which_invoice_is_told_beside_their_numbers() -> None:
    note = await _read(**SHARED)
    assert note.shares == (("A-1", Decimal("30.00")), ("A-2", Decimal("80.00")))
    assert note.references == (Reference("invoice", "A-1"), Reference("invoice", "A-2"))


async def test_an_amount_may_be_a_number_and_stays_exact() -> None:
    raw = json.dumps(PAYMENT).replace('"110.00"', "0.10").encode()
    [entry] = RAIL.entries(raw, _headers(), {})
    assert [each.amount for each in await RAIL.read(entry.body)] == [Decimal("0.10")]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": ""}, "id: "),
        (
            {"id": "a\x00b"},
            "id: the text holds invisible control characters; write it as plain text on one line",
        ),
        ({"amount": "0"}, "amount: Input should be greater than 0"),
        ({"amount": True}, "amount: amounts are exact"),
        ({"amount": "1e400"}, "amount: "),
        ({"amount": "1.005"}, "amount: EUR has 2 decimals at most"),
        ({"amount": "1.5", "currency": "JPY"}, "amount: JPY has 0 decimals at most"),
        ({"currency": "SEK"}, "currency: 'SEK' is not a currency Régua writes in; it knows AOA, ARS"),
        ({"currency": "eur"}, "currency: "),
        ({"paid_at": "2026-03-02T11:00:00"}, "paid_at: Input should have timezone info"),
        ({"paid_at": "1970-01-01T00:00:00Z"}, "paid_at: this instant lies before 1990"),
        ({"paid_at": "0001-01-01T00:00:00+14:00"}, "paid_at: this instant lies before 1990"),
        ({"paid_at": "2026-03-03T10:00:01Z"}, "paid_at: this instant lies in the future"),
        ({"invoice": None}, "invoice: name the invoice that is paid"),
        ({"invoice": "x" * 61}, "invoice: "),
        ({"invoices": []}, "invoices: Tuple should have at least 1 item"),
        ({"invoices": "A-1"}, "invoices: "),
        ({"invoices": ["A-1", ""]}, "invoices.1: "),
        (SHARED | {"shares": []}, "shares: Tuple should have at least 1 item"),
        (SHARED | {"shares": [{"invoice": "A-1", "amount": "0"}]}, "shares.0.amount: "),
        (SHARED | {"shares": [{"invoice": "A-1", "amount": "110.01"}]}, "shares: they come to more than"),
        (SHARED | {"shares": [{"invoice": "A-1", "amount": "1.001"}]}, "shares: EUR has 2 decimals"),
        (SHARED | {"shares": [{"invoice": "A-1", "amount": "1"}] * 2}, "shares: an invoice is named twice"),
        (SHARED | {"invoice": "A-1"}, "shares: they name the invoices"),
        ({"customer": "x" * 61}, "customer: "),
        ({"customer": "a\x00b"}, "customer: the text holds invisible control characters"),
        ({"method": "Bank Transfer"}, "method: "),
        ({"payer": "Ana Exemplo"}, "payer: "),
    ],
)
def test_a_body_that_cannot_be_is_refused_with_its_field(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MalformedWebhook, match="^" + re.escape(sentence)) as caught:
        RAIL.entries(json.dumps(PAYMENT | changes).encode(), _headers(), {})
    assert "Ana" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_field_is_named() -> None:
    for name in ("id", "amount", "currency", "paid_at"):
        body = {key: value for key, value in PAYMENT.items() if key != name}
        with pytest.raises(MalformedWebhook, match=f"^{name}: Field required"):
            RAIL.entries(json.dumps(body).encode(), _headers(), {})


def test_the_rails_and_the_cadence_know_the_same_currencies() -> None:
    assert MINOR_UNITS == WRITTEN
