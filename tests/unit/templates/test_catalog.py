"""The shipped texts are complete, in every language and channel, and use only what is provided."""

import itertools

import pytest

from cadence.words import Channel, Language
from templates.catalog import PROVIDED_VARIABLES, Catalog, Kind
from templates.environment import text_of
from templates.errors import TemplateError
from templates.labels import ROOT, labels_of
from templates.values import values_for
from tests.unit.templates.samples import USUAL

CATALOG = Catalog.load()
EMAIL_ONLY = {"account_checkin", "statement"}
# Each rule is asked of all of them in one test, which names every text that breaks it.
TEXTS = [
    (template, channel, language)
    for template, language in itertools.product(CATALOG.names, CATALOG.languages)
    for channel in CATALOG.channels_of(template, language)
]


def test_every_language_of_the_service_is_shipped() -> None:
    assert set(CATALOG.languages) == set(Language)


def test_every_template_has_a_text_for_each_of_its_channels() -> None:
    found = {
        (template, language): CATALOG.channels_of(template, language)
        for template, language in itertools.product(CATALOG.names, CATALOG.languages)
    }
    expected = {
        (template, language): (Channel.EMAIL,) if template in EMAIL_ONLY else tuple(Channel)
        for template, language in found
    }
    assert found == expected


def test_no_text_lies_outside_the_catalog() -> None:
    on_disk = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*.j2")}
    listed = {f"{language}/{template}.{channel}.j2" for template, channel, language in TEXTS}
    layouts = {"layouts/email.html.j2", "layouts/email.txt.j2"}
    assert on_disk == listed | layouts


def test_a_text_uses_only_provided_variables() -> None:
    assert [text for text in TEXTS if not CATALOG.variables_of(*text) <= PROVIDED_VARIABLES] == []


@pytest.mark.parametrize("channel", list(Channel))
def test_every_provided_variable_is_provided(channel: str) -> None:
    assert values_for(channel, USUAL).keys() == PROVIDED_VARIABLES


def test_a_text_names_the_invoice_and_the_creditor() -> None:
    named = {"invoice_number", "creditor_name"}
    assert [text for text in TEXTS if not named <= CATALOG.variables_of(*text)] == []


def test_a_reminder_says_how_to_pay_and_a_notice_asks_for_nothing() -> None:
    ways = {"pay_lines", "pay_text", "pay_short", "pay_url"}
    paying = [text for text in TEXTS if ways & CATALOG.variables_of(*text)]
    assert paying == [text for text in TEXTS if CATALOG.kind(text[0]) == Kind.REMINDER]


def test_a_reminder_tells_the_balance_and_the_due_date() -> None:
    owed = {"balance", "promised_amount", "total", "instalment_amount"}
    due = {"due_on", "due_when", "promised_on", "oldest_due_on", "instalment_on"}
    used = {text: CATALOG.variables_of(*text) for text in TEXTS if CATALOG.kind(text[0]) == Kind.REMINDER}
    assert [text for text, names in used.items() if not (names & owed and names & due)] == []


def test_a_short_message_says_how_to_dispute_how_to_stop_and_its_reference() -> None:
    # An e-mail's layout says so; test_email.py looks at what it says.
    used = {text: CATALOG.variables_of(*text) for text in TEXTS if text[1] != Channel.EMAIL}
    assert [text for text, names in used.items() if not {"opt_out_line", "reference"} <= names] == []
    assert [text for text, names in used.items() if not names & {"phone", "dispute_contact"}] == []


def test_the_languages_all_differ() -> None:
    languages: dict[tuple[str, str, str], list[str]] = {}
    for template, channel, language in TEXTS:
        source = (ROOT / language / f"{template}.{channel}.j2").read_text(encoding="utf-8")
        languages.setdefault((template, channel, source), []).append(language)
    assert [(*text[:2], same) for text, same in languages.items() if len(same) > 1] == []


def test_no_label_of_a_fact_is_missing_in_any_language() -> None:
    facts = {fact for template in CATALOG.names for fact in CATALOG.entry(template).facts}
    assert {language: facts - labels_of(language).facts.keys() for language in CATALOG.languages} == {
        language: set() for language in CATALOG.languages
    }


def test_french_keeps_its_punctuation_on_the_line() -> None:
    sources = {
        (template, channel): (ROOT / "fr" / f"{template}.{channel}.j2").read_text(encoding="utf-8")
        for template, channel, language in TEXTS
        if language == "fr"
    }
    assert [text for text, source in sources.items() if any(f" {mark}" in source for mark in ":;?!")] == []


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(TemplateError, match=r"no_such.*unknown_template"):
        CATALOG.kind("no_such")


def test_a_channel_without_a_text_is_named() -> None:
    with pytest.raises(TemplateError, match=r"fr/account_checkin\.sms: missing_text"):
        text_of("account_checkin", "sms", "fr")


def test_a_language_without_labels_is_named() -> None:
    with pytest.raises(TemplateError, match=r"xx/.*unknown_language"):
        labels_of("xx")
