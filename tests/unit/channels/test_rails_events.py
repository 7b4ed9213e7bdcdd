"""What each provider's bodies say of money, without asking the provider."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from channels.rails.asaas import AsaasRail
from channels.rails.bodies import read_as
from channels.rails.mercadopago import MercadoPagoRail, _notes, _Payment
from channels.rails.money import MalformedWebhook, Reference
from channels.rails.pix import PixRail
from channels.rails.stripe import StripeRail

STRANGER = SecretStr("another key")
AT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


def _stripe_event(kind: str, thing: dict[str, Any]) -> bytes:
    return json.dumps(
        {"id": "evt_1", "type": kind, "created": 1772447400, "data": {"object": thing}}
    ).encode()


INTENT = {"id": "pi_1", "currency": "usd", "amount": 1000, "amount_received": 1000, "status": "succeeded"}
CHARGE = {"id": "ch_1", "currency": "jpy", "amount": 1000, "status": "succeeded", "payment_intent": None}
SESSION = {
    "id": "cs_1",
    "currency": "eur",
    "amount_total": 1050,
    "payment_status": "paid",
    "payment_intent": "pi_2",
}
REFUND = {"id": "re_1", "currency": "usd", "amount": 250, "status": "succeeded", "payment_intent": "pi_1"}
DISPUTE = {"id": "dp_1", "currency": "usd", "amount": 1000, "status": "needs_response", "charge": "ch_1"}


@pytest.mark.parametrize(
    ("kind", "thing", "told"),
    [
        ("payment_intent.succeeded", INTENT, ("payment", "pi_1", "10.00", None)),
        ("charge.succeeded", CHARGE, ("payment", "ch_1", "1000", None)),
        ("checkout.session.completed", SESSION, ("payment", "pi_2", "10.50", None)),
        ("refund.created", REFUND, ("reversal", "re_1", "2.50", "pi_1")),
        ("refund.updated", REFUND, ("reversal", "re_1", "2.50", "pi_1")),
        ("charge.dispute.created", DISPUTE, ("dispute", "dp_1", "10.00", "ch_1")),
        ("charge.dispute.funds_withdrawn", DISPUTE, ("reversal", "dp_1:funds_withdrawn", "10.00", "ch_1")),
        ("charge.dispute.funds_reinstated", DISPUTE, ("payment", "dp_1:funds_reinstated", "10.00", "ch_1")),
        (
            "charge.dispute.closed",
            DISPUTE | {"status": "lost"},
            ("dispute_lost", "dp_1:closed", "10.00", "ch_1"),
        ),
        (
            "charge.dispute.closed",
            DISPUTE | {"status": "won"},
            ("dispute_won", "dp_1:closed", "10.00", "ch_1"),
        ),
        ("charge.succeeded", CHARGE | {"payment_intent": "pi_1"}, None),
        ("charge.succeeded", CHARGE | {"captured": False}, None),
        ("checkout.session.completed", SESSION | {"payment_status": "unpaid"}, None),
        ("refund.created", REFUND | {"status": "pending"}, None),
    ],
)
async def test_each_event_of_stripe_is_one_note_or_none(
    kind: str, thing: dict[str, Any], told: tuple[str, str, str, str | None] | None
) -> None:
    rail = StripeRail(STRANGER, None, "http://127.0.0.1:9", 1)
    [entry] = rail.entries(_stripe_event(kind, thing), {}, {})
    notes = await rail.read(entry.body)
    assert entry.external_id == "evt_1"
    assert [(n.kind, n.id, str(n.amount), n.of) for n in notes] == ([] if told is None else [told])


async def test_stripes_references_come_by_trust() -> None:
    rail = StripeRail(STRANGER, None, "http://127.0.0.1:9", 1)
    metadata = {
        "metadata": {"invoice": "2026/0001", "reference": "RF18 5390 0754 7034"},
        "description": "Fatura",
    }
    [entry] = rail.entries(_stripe_event("payment_intent.succeeded", INTENT | metadata), {}, {})
    [note] = await rail.read(entry.body)
    assert [each.kind for each in note.references] == ["invoice", "creditor_reference", "provider", "text"]
    link = SESSION | {"client_reference_id": "7d9f", "customer_details": {"name": "Ana Exemplo"}}
    [entry] = rail.entries(_stripe_event("checkout.session.completed", link), {}, {})
    [note] = await rail.read(entry.body)
    assert note.references == (Reference("reference", "7d9f"), Reference("provider", "pi_2"))
    assert note.payer == "Ana Exemplo"


def test_other_events_leave_nothing_in_the_inbox() -> None:
    stripe = StripeRail(STRANGER, None, "http://127.0.0.1:9", 1)
    asaas = AsaasRail(STRANGER, None, "http://127.0.0.1:9", 1)
    mercadopago = MercadoPagoRail(STRANGER, STRANGER, "http://127.0.0.1:9", 1)
    assert stripe.entries(_stripe_event("customer.created", {}), {}, {}) == []
    assert asaas.entries(b'{"id": "evt_1&2", "event": "PAYMENT_CREATED"}', {}, {}) == []
    assert mercadopago.entries(b"{}", {}, {"type": "order", "data.id": "ORD1"}) == []


async def test_an_event_without_its_amount_is_malformed_when_it_is_read() -> None:
    rail = StripeRail(STRANGER, None, "http://127.0.0.1:9", 1)
    [entry] = rail.entries(
        _stripe_event("payment_intent.succeeded", {"id": "pi_1", "currency": "usd"}), {}, {}
    )
    with pytest.raises(MalformedWebhook, match=r"^amount: Field required"):
        await rail.read(entry.body)


# The webhook of the central bank's Pix API, in its own example values.
BCB = {
    "pix": [
        {
            "endToEndId": "E12345678202009091221kkkkkkkkkkk",
            "txid": "655dfdb1a4514b8fbb58254b958913fb",
            "valor": "110.00",
            "horario": "2020-09-09T20:15:00.358Z",
            "infoPagador": "0123456789",
            "devolucoes": [
                {
                    "id": "123ABC",
                    "rtrId": "D12345678202009091221abcdf098765",
                    "valor": "10.00",
                    "horario": {"solicitacao": "2020-09-09T20:16:00.358Z"},
                    "status": "DEVOLVIDO",
                },
                {
                    "id": "456DEF",
                    "valor": "5.00",
                    "horario": {"solicitacao": "2020-09-09T20:16:00.358Z"},
                    "status": "EM_PROCESSAMENTO",
                },
            ],
        },
        {"endToEndId": "E2", "valor": "1.00", "horario": "2020-09-09T20:15:00-03:00", "devolucoes": None},
    ]
}


async def test_each_pix_and_each_devolution_that_is_done_is_an_entry_of_its_own() -> None:
    rail = PixRail(STRANGER, "X", None)
    entries = rail.entries(json.dumps(BCB).encode(), {}, {})
    first = "E12345678202009091221kkkkkkkkkkk"
    assert [each.external_id for each in entries] == [first, f"{first}:123ABC:DEVOLVIDO", "E2"]
    notes = [note for each in entries for note in await rail.read(each.body)]
    assert [(note.kind, note.id, str(note.amount), note.of) for note in notes] == [
        ("payment", first, "110.00", None),
        ("reversal", f"{first}:123ABC", "10.00", first),
        ("payment", "E2", "1.00", None),
    ]
    assert notes[2].at == datetime(2020, 9, 9, 23, 15, tzinfo=UTC)


def _asaas_event(event: str, **payment: Any) -> str:
    told = {"id": "pay_1", "value": 100.1, "billingType": "CREDIT_CARD", "status": "RECEIVED"} | payment
    return json.dumps({"id": "evt_1", "event": event, "dateCreated": "2026-03-02 07:30:00", "payment": told})


@pytest.mark.parametrize(
    ("event", "payment", "told"),
    [
        ("PAYMENT_CONFIRMED", {}, [("payment", "pay_1", "100.1")]),
        ("PAYMENT_RECEIVED", {}, [("payment", "pay_1", "100.1")]),
        ("PAYMENT_REFUNDED", {}, [("reversal", "pay_1:refunded", "100.1")]),
        ("PAYMENT_RECEIVED_IN_CASH_UNDONE", {}, [("reversal", "pay_1:undone", "100.1")]),
        (
            "PAYMENT_REFUNDED",
            {"chargeback": {"status": "DONE"}},
            [("reversal", "pay_1:refunded", "100.1"), ("dispute_lost", "pay_1:chargeback:lost", "100.1")],
        ),
        ("PAYMENT_AWAITING_CHARGEBACK_REVERSAL", {}, [("dispute_won", "pay_1:chargeback:won", "100.1")]),
    ],
)
async def test_each_event_of_asaas_is_told_in_local_time(
    event: str, payment: dict[str, Any], told: list[tuple[str, str, str]]
) -> None:
    rail = AsaasRail(STRANGER, None, "http://127.0.0.1:9", 1)
    [entry] = rail.entries(_asaas_event(event, **payment).encode(), {}, {})
    notes = await rail.read(entry.body)
    assert [(note.kind, note.id, str(note.amount)) for note in notes] == told
    assert {note.at for note in notes} == {AT}
    assert all((note.of is None) == (note.kind == "payment") for note in notes)


async def test_equal_refunds_of_one_second_are_still_two() -> None:
    refund = {"dateCreated": "2026-03-02 07:30:00", "value": 5, "status": "DONE"}
    waiting = refund | {"status": "PENDING"}
    rail = AsaasRail(STRANGER, None, "http://127.0.0.1:9", 1)
    notes = await rail.read(_asaas_event("PAYMENT_PARTIALLY_REFUNDED", refunds=[refund, waiting, refund]))
    assert [note.amount for note in notes] == [5, 5]
    assert len({note.id for note in notes}) == 2


MERCADOPAGO_PAYMENT = {
    "id": 20359978,
    "status": "approved",
    "transaction_amount": "100.10",
    "currency_id": "BRL",
    "date_approved": "2026-03-02T07:30:00.000-03:00",
    "payment_type_id": "credit_card",
    "payment_method_id": "master",
    "external_reference": "2026/0001",
    "metadata": {"invoice": "2026/0002"},
    "payer": {"first_name": "Ana", "last_name": "Exemplo"},
    "refunds": [{"id": 7, "amount": 5, "date_created": "2026-03-02T08:00:00.000-03:00"}],
}
CHARGED_BACK = {"status": "charged_back", "date_last_updated": "2026-03-04T07:30:00.000-03:00"}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ["payment", "reversal"]),
        ({"status": "refunded"}, ["payment", "reversal"]),
        ({"status": "pending", "date_approved": None}, []),
        ({"status": "authorized", "captured": False}, []),
        ({"refunds": None}, ["payment"]),
        (CHARGED_BACK | {"status_detail": "in_process", "refunds": []}, ["payment", "dispute"]),
        (
            CHARGED_BACK | {"status_detail": "reimbursed", "refunds": []},
            ["payment", "dispute", "dispute_won"],
        ),
        (
            CHARGED_BACK | {"status_detail": "settled", "refunds": []},
            ["payment", "dispute", "reversal", "dispute_lost"],
        ),
    ],
)
def test_a_payment_of_mercado_pago_is_told_with_all_that_became_of_it(
    changes: dict[str, Any], kinds: list[str]
) -> None:
    notes = _notes(read_as(_Payment, MERCADOPAGO_PAYMENT | changes))
    assert [note.kind for note in notes] == kinds
    assert len({note.id for note in notes}) == len(notes)
    assert {note.of for note in notes[1:]} <= {"mercadopago-20359978"}


def test_mercado_pagos_references_come_by_trust() -> None:
    [note, _] = _notes(read_as(_Payment, MERCADOPAGO_PAYMENT))
    assert [each.value for each in note.references] == ["2026/0002", "2026/0001", "mercadopago-20359978"]
    assert (note.payer, note.method, note.at) == ("Ana Exemplo", "credit_card", AT)
