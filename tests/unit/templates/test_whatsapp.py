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
# Each rule is asked of all of them in one test, which names every message that breaks it.
MESSAGES = list(itertools.product(TEMPLATES, CATALOG.languages))
PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")


def filled(text: str, variables: dict[str, str]) -> str:
    """An approved text with its variables put in."""
    return PLACEHOLDER.sub(lambda found: variables[found[1]], text)


def test_placeholders_rise_from_one_in_reading_order() -> None:
    read = {
        message: list(dict.fromkeys(map(int, PLACEHOLDER.findall(whatsapp_template_text(*message)))))
        for message in MESSAGES
    }
    assert [each for each, numbers in read.items() if numbers != list(range(1, len(numbers) + 1))] == []


def test_an_approved_text_neither_begins_nor_ends_with_a_variable() -> None:
    parts = {each: re.split(r"\{\{\d+\}\}", whatsapp_template_text(*each)) for each in MESSAGES}
    wordless = [each for each, (first, *_) in parts.items() if not re.search(r"\w", first)]
    wordless += [each for each, (*_, last) in parts.items() if not re.search(r"\w", last)]
    assert wordless == []
    side_by_side = [
        each
        for each, (_, *between, _) in parts.items()
        if not all(re.search(r"\w|,", words) for words in between)
    ]
    assert side_by_side == [], "two variables side by side are refused"


def test_an_approved_text_has_more_words_than_three_for_each_variable() -> None:
    texts = {each: whatsapp_template_text(*each) for each in MESSAGES}
    counts = {
        each: (len(PLACEHOLDER.sub(" ", text).split()), len(set(PLACEHOLDER.findall(text))))
        for each, text in texts.items()
    }
    assert {each: count for each, count in counts.items() if count[0] <= 3 * count[1]} == {}


@pytest.mark.parametrize("language", CATALOG.languages)
def test_no_two_templates_are_the_same_text(language: str) -> None:
    texts = [whatsapp_template_text(template, language) for template in TEMPLATES]
    assert len(set(texts)) == len(texts), "the provider refuses a duplicate"


def test_the_variables_put_into_the_approved_text_give_the_message() -> None:
    given = {}
    for template, language in MESSAGES:
        message = render_whatsapp(template, replace(USUAL, language=language))
        text = whatsapp_template_text(template, language)
        given[template, language] = (filled(text, message.variables), message.body)
    assert {each: texts for each, texts in given.items() if texts[0] != texts[1]} == {}


def test_a_message_says_who_what_how_to_disagree_and_how_to_stop() -> None:
    missing, doubled = [], []
    for template, language in MESSAGES:
        body = render_whatsapp(template, replace(USUAL, language=language)).body
        parts = (
            USUAL.customer_name,
            USUAL.creditor.legal_name,
            USUAL.invoice_number,
            USUAL.reference,
            "contestacoes@example.com",
            OPT_OUT[language],
        )
        missing += [(template, language, part) for part in parts if part not in body]
        if ".." in body:
            doubled.append((template, language, body))
    assert (missing, doubled) == ([], [])


def test_the_longest_values_fit_the_provider_limit() -> None:
    lengths = {
        (template, language): len(render_whatsapp(template, ctx).body)
        for language in CATALOG.languages
        for ctx in [longest(language, "USD")]
        for template in TEMPLATES
    }
    assert {each: length for each, length in lengths.items() if length > 1024} == {}


def test_no_two_languages_say_the_same() -> None:
    texts = {
        template: {whatsapp_template_text(template, language) for language in CATALOG.languages}
        for template in TEMPLATES
    }
    assert [template for template, said in texts.items() if len(said) != len(CATALOG.languages)] == []


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
