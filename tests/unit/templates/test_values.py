"""Money, dates and names as each reader writes them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from cadence.creditor import Creditor
from cadence.words import Language
from templates.values import RenderContext, values_for, visible_line, without_markup
from tests.unit.templates.samples import CREDITOR, USUAL, creditor_document, payment_document


def shown(name: str, channel: str = "email", **changes: object) -> object:
    return values_for(channel, replace(USUAL, **changes))[name]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "currency", "expected"),
    [
        ("pt-BR", "BRL", "R$\u00a01.234,56"),
        ("pt-BR", "EUR", "€\u00a01.234,56"),
        ("pt-PT", "EUR", "1\u00a0234,56\u00a0€"),
        ("es", "EUR", "1.234,56\u00a0€"),
        ("en", "GBP", "£1,234.56"),
        ("en", "USD", "US$1,234.56"),
        ("fr", "EUR", "1\u202f234,56\u00a0€"),
    ],
)
def test_money_is_written_in_the_readers_locale(language: str, currency: str, expected: str) -> None:
    assert shown("balance", language=language, currency=currency) == expected


@pytest.mark.parametrize(
    ("language", "country", "currency", "balance", "due_on"),
    [
        ("es", "MX", "MXN", "$1,234.56", "2 de octubre de 2026"),
        ("es", "CO", "USD", "US$1.234,56", "2 de octubre de 2026"),
        ("en", "US", "USD", "$1,234.56", "October 2, 2026"),
        ("fr", "CA", "CAD", "1\u00a0234,56\u00a0$", "2 octobre 2026"),
        # Where the language is not at home, and for Portuguese, which has a folder for each country, it writes as ever.
        ("en", "BR", "BRL", "R$1,234.56", "2 October 2026"),
        ("pt-BR", "PT", "EUR", "€\u00a01.234,56", "2 de outubro de 2026"),
    ],
)
def test_money_and_dates_are_written_as_where_the_reader_is(
    language: str, country: str, currency: str, balance: str, due_on: str
) -> None:
    assert shown("balance", language=language, country=country, currency=currency) == balance
    assert shown("due_on", language=language, country=country, due_on=date(2026, 10, 2)) == due_on


def test_an_amount_is_rounded_half_up() -> None:
    assert shown("balance", balance=Decimal("0.125")) == "R$\u00a00,13"


@pytest.mark.parametrize(
    ("language", "email", "sms"),
    [
        ("pt-BR", "1º de outubro de 2026", "01/10/2026"),
        ("pt-PT", "1 de outubro de 2026", "01/10/2026"),
        ("es", "1 de octubre de 2026", "01/10/2026"),
        ("en", "1 October 2026", "1 Oct 2026"),
        ("fr", "1er octobre 2026", "01/10/2026"),
    ],
)
def test_dates_are_written_in_the_readers_locale(language: str, email: str, sms: str) -> None:
    assert shown("due_on", language=language, due_on=date(2026, 10, 1)) == email
    assert shown("due_on", "sms", language=language, due_on=date(2026, 10, 1)) == sms


def test_the_due_date_is_called_today_only_on_its_day() -> None:
    assert shown("due_when", today=date(2026, 10, 15)) == "hoje, 15 de outubro de 2026"
    assert shown("due_when", today=date(2026, 10, 16)) == "em 15 de outubro de 2026"
    assert shown("due_when", today=date(2026, 10, 14)) == "em 15 de outubro de 2026"


@pytest.mark.parametrize(
    ("language", "one", "three"),
    [
        ("pt-BR", "1 dia", "3 dias"),
        ("pt-PT", "1 dia", "3 dias"),
        ("es", "1 día", "3 días"),
        ("en", "1 day", "3 days"),
        ("fr", "1\u00a0jour", "3\u00a0jours"),
    ],
)
def test_days_are_counted_in_words_of_the_language(language: str, one: str, three: str) -> None:
    assert shown("days_overdue", language=language, today=date(2026, 10, 16)) == one
    assert shown("days_overdue", language=language, today=date(2026, 10, 18)) == three
    assert shown("days_until_due", language=language, today=date(2026, 10, 12)) == three


def test_an_invoice_that_is_not_due_is_no_days_overdue() -> None:
    assert shown("days_overdue", today=date(2026, 10, 1)) == "0 dia"


def test_a_promise_without_an_amount_is_of_the_whole_balance() -> None:
    assert shown("promised_amount", promised_amount=None) == "R$\u00a01.234,56"


def test_a_fact_that_did_not_happen_is_left_out() -> None:
    ctx = replace(USUAL, promised_on=None, promised_amount=None, payment_amount=None)
    assert not {"promised_on", "promised_amount", "payment_amount"} & values_for("email", ctx).keys()


def test_a_currency_the_creditor_does_not_take_has_no_way_to_pay() -> None:
    values = values_for("sms", replace(USUAL, currency="CHF"))
    assert not {"pay_text", "pay_short", "pay_lines"} & values.keys()


def test_an_sms_uses_the_short_name_and_one_way_to_pay() -> None:
    assert shown("creditor_name", "sms") == "Casa Exemplo"
    assert shown("pay_text", "sms") == "https://pay.example.com/i/K7Q2M9XA"
    assert shown("pay_text", "sms", creditor=without_link()) == "Pix financeiro@example.com"


def test_whatsapp_tells_both_ways_to_pay() -> None:
    assert shown("pay_text", "whatsapp") == "Pix financeiro@example.com - https://pay.example.com/i/K7Q2M9XA"
    assert shown("pay_text", "whatsapp", creditor=without_link()) == "Pix financeiro@example.com"


def test_the_payment_link_is_shown_as_it_is() -> None:
    link = "https://pay.example.com/_i_/~{reference}"
    creditor = Creditor.model_validate(creditor_document(pay_url=link))
    assert shown("pay_url", "whatsapp", creditor=creditor) == "https://pay.example.com/_i_/~K7Q2M9XA"


def test_whatsapp_markup_in_payment_details_is_taken_out() -> None:
    payment = {"BRL": payment_document("*Pix* a_b@example.com")}
    creditor = Creditor.model_validate(creditor_document(payment=payment, pay_url=None))
    assert shown("pay_text", "whatsapp", creditor=creditor) == "Pix a_b@example.com"


def test_the_ways_to_pay_quote_the_invoices_creditor_reference() -> None:
    payment = {"BRL": payment_document("Pix a@b.co ref {reference}")}
    payment["BRL"]["instructions"] = {
        language: ["IBAN PT50 0000", "Ref. {reference}."] for language in Language
    }
    creditor = Creditor.model_validate(creditor_document(payment=payment, pay_url=None))
    reference = "RF46RG00000001"
    asked: dict[str, object] = {"creditor": creditor, "creditor_reference": reference}
    assert shown("pay_lines", "email", **asked) == ["IBAN PT50 0000", f"Ref. {reference}."]
    assert shown("pay_text", "sms", **asked) == f"Pix a@b.co ref {reference}"
    assert shown("reference", "email", **asked) == "K7Q2M9XA"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ana \r\nBcc: x@example.com ", "Ana Bcc: x@example.com"),
        ("Ana\u2028Silva", "Ana Silva"),
        ("Ana\u202eavliS", "AnaavliS"),
        ("A\u200bn\u0000a\u001b[1m", "Ana[1m"),
        ("Padaria São João & Filhos", "Padaria São João & Filhos"),
    ],
)
def test_what_is_typed_becomes_one_visible_line(typed: str, kept: str) -> None:
    assert visible_line(typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("*Ana* ~Silva~ `x`", "Ana Silva x"),
        ("_Ana_", "Ana"),
        ("INV_2026_001", "INV_2026_001"),
        ("{{1}} {{7*7}}", "1 77"),
    ],
)
def test_whatsapp_marks_are_taken_out_of_values(typed: str, kept: str) -> None:
    assert without_markup(typed) == kept


def without_link() -> Creditor:
    return CREDITOR.model_copy(update={"pay_url_template": None})


def test_a_context_does_not_change() -> None:
    context: RenderContext = USUAL
    with pytest.raises(AttributeError):
        context.customer_name = "x"  # type: ignore[misc]
