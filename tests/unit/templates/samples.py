"""Creditors and contexts for the tests: an everyday one, and one with every value at its longest."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from cadence.creditor import Creditor
from cadence.words import Channel, Language
from templates.values import RenderContext

OPT_OUT = {
    "pt-BR": "Para não receber mais, responda SAIR.",
    "pt-PT": "Para não receber mais, responda PARAR.",
    "es": "Para no recibir más, responda BAJA.",
    "en": "To stop, reply STOP.",
    "fr": "Pour ne plus recevoir, répondez STOP.",
}


def creditor_document(**changes: Any) -> dict[str, Any]:
    """A whole `creditor.yaml`, as a mapping."""
    document = {
        "legal_name": "Casa Exemplo Distribuição Ltda.",
        "short_name": "Casa Exemplo",
        "country": "BR",
        "zone": "America/Sao_Paulo",
        "phone": "+55 11 5555-0100",
        "email": {
            "sender": "cobranca@example.com",
            "sender_name": "Casa Exemplo",
            "reply_to": "financeiro@example.com",
        },
        "sms": {"sender": "+15005550006"},
        "dispute_contact": "contestacoes@example.com",
        "opt_out": {lang: dict.fromkeys(Channel, OPT_OUT[lang]) for lang in Language},
        "payment": {currency: payment_document() for currency in ("BRL", "EUR", "USD", "GBP")},
        "pay_url": "https://pay.example.com/i/{reference}",
    }
    return document | changes


def payment_document(short: str = "Pix financeiro@example.com") -> dict[str, Any]:
    """How to pay, in every language."""
    lines = ["Pix: financeiro@example.com", "IBAN: PT50 0000 0000 0000 0000 0000 0"]
    return {"instructions": dict.fromkeys(Language, lines), "short": short}


CREDITOR = Creditor.model_validate(creditor_document())

USUAL = RenderContext(
    language="pt-BR",
    customer_name="Padaria Aurora Ltda.",
    invoice_number="2026/00417",
    amount=Decimal("1234.56"),
    balance=Decimal("1234.56"),
    currency="BRL",
    issued_on=date(2026, 9, 1),
    due_on=date(2026, 10, 15),
    today=date(2026, 10, 27),
    reference="K7Q2M9XA",
    creditor=CREDITOR,
    promised_on=date(2026, 10, 30),
    promised_amount=Decimal("1000.00"),
    payment_amount=Decimal("234.56"),
    disputed_amount=Decimal("100.00"),
    credited_amount=Decimal("60.00"),
    instalment=(date(2026, 11, 5), Decimal("617.28")),
    plan=((date(2026, 11, 5), Decimal("617.28")), (date(2026, 12, 5), Decimal("617.28"))),
)

LONG_AMOUNT = Decimal("999999999.99")


def longest(language: str, currency: str, *, link: bool = True) -> RenderContext:
    """Every value at the longest a file may hold; `link` says whether the creditor has a payment link."""
    creditor = creditor_document(
        legal_name="M" * 60,
        short_name="M" * 20,
        phone="+351 21 555 0100 100",
        opt_out={lang: dict.fromkeys(Channel, "M" * 40) for lang in Language},
        payment={currency: payment_document("M" * 40)},
        pay_url="https://" + "m" * 44 + "{reference}" if link else None,
    )
    return replace(
        USUAL,
        language=language,
        currency=currency,
        customer_name="M" * 60,
        invoice_number="M" * 30,
        amount=LONG_AMOUNT,
        balance=LONG_AMOUNT,
        promised_amount=LONG_AMOUNT,
        payment_amount=LONG_AMOUNT,
        disputed_amount=LONG_AMOUNT,
        credited_amount=LONG_AMOUNT,
        instalment=(date(2026, 9, 30), LONG_AMOUNT),
        # Sixty parts that come to the longest amount.
        plan=((date(2026, 9, 29), Decimal(0)),) * 59 + ((date(2026, 9, 30), LONG_AMOUNT),),
        issued_on=date(2026, 9, 30),
        due_on=date(2026, 9, 30),
        today=date(2026, 9, 30),
        promised_on=date(2026, 9, 30),
        creditor=Creditor.model_validate(creditor),
    )
