"""Every SMS fits two GSM-7 segments, with every value at its longest, and says what it must."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates.catalog import Catalog
from templates.gsm7 import BASIC, EXTENSION, transliterate
from templates.rendering import TemplateError, render_sms
from tests.unit.templates.samples import CREDITOR, OPT_OUT, USUAL, longest

CATALOG = Catalog.load()
LANGUAGES = CATALOG.languages
TEMPLATES = [name for name in CATALOG.names if "sms" in CATALOG.channels_of(name, "en")]
# Each rule is asked of all of them in one test, which names every message that breaks it.
MESSAGES = list(itertools.product(TEMPLATES, LANGUAGES))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_values_fit_two_segments_in_every_currency(language: str) -> None:
    said = [
        (longest(language, currency, link=link), currency, link)
        for currency, link in itertools.product(("BRL", "EUR", "USD", "GBP"), (True, False))
    ]
    sizes = {
        (template, *how): (sms.segments, sum(2 if letter in EXTENSION else 1 for letter in sms.body))
        for template in TEMPLATES
        for ctx, *how in said
        for sms in [render_sms(template, ctx)]
    }
    assert {each: size for each, size in sizes.items() if size[0] != 2 or size[1] > 306} == {}


def test_an_sms_says_who_what_how_to_disagree_and_how_to_stop() -> None:
    missing, strange = [], []
    for template, language in MESSAGES:
        body = render_sms(template, replace(USUAL, language=language)).body
        parts = (
            USUAL.invoice_number,
            USUAL.reference,
            "+55 11 5555-0100",
            transliterate(OPT_OUT[language]),
        )
        missing += [(template, language, part) for part in parts if part not in body]
        if not body.startswith("Casa Exemplo") or set(body) - BASIC - EXTENSION:
            strange.append((template, language, body))
    assert (missing, strange) == ([], [])


def test_no_two_languages_say_the_same() -> None:
    bodies = {
        template: {render_sms(template, replace(USUAL, language=lang)).body for lang in LANGUAGES}
        for template in TEMPLATES
    }
    assert [template for template, said in bodies.items() if len(said) != len(LANGUAGES)] == []


def test_an_sms_reads_as_intended() -> None:
    assert render_sms("overdue_first", replace(USUAL, disputed_amount=None)).body == (
        "Casa Exemplo: fatura 2026/00417 de R$ 1.234,56, vencida em 15/10/2026. Ja pagou? Desconsidere.\n"
        "Pagar: https://pay.example.com/i/K7Q2M9XA\n"
        "Duvidas/contestar: +55 11 5555-0100\n"
        "Para nao receber mais, responda SAIR.\n"
        "Ref K7Q2M9XA"
    )


def test_an_sms_says_what_it_leaves_out_where_it_has_room() -> None:
    review = "\nSem R$ 100,00, em contestacao."
    assert render_sms("overdue_first", USUAL).body.endswith(review)
    assert "contestacao." not in render_sms("overdue_first", longest("pt-BR", "BRL")).body
    assert render_sms("dispute_received_part", USUAL).body.count("R$ 100,00") == 1


def test_an_sms_that_does_not_fit_is_refused_without_quoting_it() -> None:
    creditor = CREDITOR.model_copy(update={"phone": "1" * 200})
    with pytest.raises(TemplateError) as caught:
        render_sms("overdue_first", replace(USUAL, creditor=creditor))
    assert str(caught.value) == "pt-BR/overdue_first.sms: too_long (3 segments, at most 2)"


@settings(max_examples=100, deadline=None)
@given(number=st.text(max_size=15))
def test_any_invoice_number_stays_on_its_line_and_in_gsm7(number: str) -> None:
    body = render_sms("formal_notice", replace(USUAL, invoice_number=number)).body
    assert set(body) <= BASIC | EXTENSION
    assert body.count("\n") == render_sms("formal_notice", USUAL).body.count("\n")
