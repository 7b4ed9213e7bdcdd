"""WhatsApp texts meet the provider's rules for approved templates, and give what they were approved with."""

import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates.catalog import Catalog
from templates.rendering import TemplateError, render_whatsapp, whatsapp_template_text
from tests.unit.templates.samples import CREDITOR, OPT_OUT, USUAL, longest

CATALOG = Catalog.load()
TEMPLATES = [name for name in CATALOG.names if "whatsapp" in CATALOG.channels_of(name, "en")]
MESSAGES = list(itertools.product(TEMPLATES, CATALOG.languages))
PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")


@pytest.mark.parametrize(("template", "language"), MESSAGES)
def test_placeholders_rise_from_one_in_reading_order(template: str, language: str) -> None:
    numbers = [int(number) for number in PLACEHOLDER.findall(whatsapp_template_text(template, language))]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(set(numbers)) + 1))


@pytest.mark.parametrize(("template", "language"), MESSAGES)
def test_an_approved_text_neither_begins_nor_ends_with_a_variable(template: str, language: str) -> None:
    first, *between, last = re.split(r"\{\{\d+\}\}", whatsapp_template_text(template, language))
    assert re.search(r"\w", first)
    assert re.search(r"\w", last)
    assert all(re.search(r"\w|,", words) for words in between), "two variables side by side are refused"


@pytest.mark.parametrize(("template", "language"), MESSAGES)
def test_an_approved_text_has_more_words_than_three_for_each_variable(template: str, language: str) -> None:
    text = whatsapp_template_text(template, language)
    words = PLACEHOLDER.sub(" ", text).split()
    assert len(words) > 3 * len(set(PLACEHOLDER.findall(text)))


@pytest.mark.parametrize("language", CATALOG.languages)
def test_no_two_templates_are_the_same_text(language: str) -> None:
    texts = [whatsapp_template_text(template, language) for template in TEMPLATES]
    assert len(set(texts)) == len(texts), "the provider refuses a duplicate"


@pytest.mark.parametrize(("template", "language"), MESSAGES)
def test_the_variables_put_into_the_approved_text_give_the_message(template: str, language: str) -> None:
    message = render_whatsapp(template, replace(USUAL, language=language))
    text = whatsapp_template_text(template, language)
    assert PLACEHOLDER.sub(lambda found: message.variables[found[1]], text) == message.body


@pytest.mark.parametrize(("template", "language"), MESSAGES)
def test_a_message_says_who_what_how_to_disagree_and_how_to_stop(template: str, language: str) -> None:
    body = render_whatsapp(template, replace(USUAL, language=language)).body
    for part in (
        USUAL.customer_name,
        USUAL.creditor.legal_name,
        USUAL.invoice_number,
        USUAL.reference,
        "contestacoes@example.com",
        OPT_OUT[language],
    ):
        assert part in body
    assert ".." not in body


@pytest.mark.parametrize(("template", "language"), MESSAGES)
def test_the_longest_values_fit_the_provider_limit(template: str, language: str) -> None:
    assert len(render_whatsapp(template, longest(language, "USD")).body) <= 1024


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_two_languages_say_the_same(template: str) -> None:
    texts = {whatsapp_template_text(template, language) for language in CATALOG.languages}
    assert len(texts) == len(CATALOG.languages)


def test_an_empty_variable_is_refused_by_name() -> None:
    with pytest.raises(TemplateError, match=r"whatsapp: empty_variable \(customer_name\)"):
        render_whatsapp("upcoming", replace(USUAL, customer_name="**"))


def test_a_message_over_the_limit_is_refused_without_quoting_it() -> None:
    creditor = CREDITOR.model_copy(update={"dispute_contact": "x" * 1000})
    with pytest.raises(
        TemplateError, match=r"^pt-BR/upcoming.whatsapp: too_long \(\d+ characters, at most 1024\)$"
    ):
        render_whatsapp("upcoming", replace(USUAL, creditor=creditor))


@settings(max_examples=150, deadline=None)
@given(
    name=st.one_of(
        st.text(max_size=60),
        st.sampled_from(["*Ana*", "{{7*7}}", "{{9}}", "Ana\n\nRef. X", "`x` ~y~ _z_", "\u202eevil"]),
    )
)
def test_what_a_customer_types_adds_no_line_no_markup_and_no_placeholder(name: str) -> None:
    # A letter in front: an empty name is refused, as shown above.
    message = render_whatsapp("upcoming", replace(USUAL, customer_name="A" + name))
    usual = render_whatsapp("upcoming", USUAL)
    assert message.body.count("\n") == usual.body.count("\n")
    assert not re.search(r"[*~`{}\u202a-\u202e\u2066-\u2069]", message.body)
    assert message.variables.keys() == usual.variables.keys()
