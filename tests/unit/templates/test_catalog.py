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
TEXTS = [
    (template, channel, language)
    for template, language in itertools.product(CATALOG.names, CATALOG.languages)
    for channel in CATALOG.channels_of(template, language)
]


def test_every_language_of_the_service_is_shipped() -> None:
    assert set(CATALOG.languages) == set(Language)


@pytest.mark.parametrize("language", CATALOG.languages)
@pytest.mark.parametrize("template", CATALOG.names)
def test_every_template_has_a_text_for_each_of_its_channels(template: str, language: str) -> None:
    expected = (Channel.EMAIL,) if template in EMAIL_ONLY else tuple(Channel)
    assert CATALOG.channels_of(template, language) == expected


def test_no_text_lies_outside_the_catalog() -> None:
    on_disk = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*.j2")}
    listed = {f"{language}/{template}.{channel}.j2" for template, channel, language in TEXTS}
    layouts = {"layouts/email.html.j2", "layouts/email.txt.j2"}
    assert on_disk == listed | layouts


@pytest.mark.parametrize(("template", "channel", "language"), TEXTS)
def test_a_text_uses_only_provided_variables(template: str, channel: str, language: str) -> None:
    assert CATALOG.variables_of(template, channel, language) <= PROVIDED_VARIABLES


@pytest.mark.parametrize("channel", list(Channel))
def test_every_provided_variable_is_provided(channel: str) -> None:
    assert values_for(channel, USUAL).keys() == PROVIDED_VARIABLES


@pytest.mark.parametrize(("template", "channel", "language"), TEXTS)
def test_a_text_names_the_invoice_and_the_creditor(template: str, channel: str, language: str) -> None:
    used = CATALOG.variables_of(template, channel, language)
    assert {"invoice_number", "creditor_name"} <= used


@pytest.mark.parametrize(("template", "channel", "language"), TEXTS)
def test_a_reminder_says_how_to_pay_and_a_notice_asks_for_nothing(
    template: str, channel: str, language: str
) -> None:
    pays = {"pay_lines", "pay_text", "pay_short", "pay_url"} & CATALOG.variables_of(
        template, channel, language
    )
    assert bool(pays) == (CATALOG.kind(template) == Kind.REMINDER)


@pytest.mark.parametrize("template", [name for name in CATALOG.names if CATALOG.kind(name) == Kind.REMINDER])
@pytest.mark.parametrize("language", CATALOG.languages)
def test_a_reminder_tells_the_balance_and_the_due_date(template: str, language: str) -> None:
    for channel in CATALOG.channels_of(template, language):
        used = CATALOG.variables_of(template, channel, language)
        assert used & {"balance", "promised_amount", "total", "instalment_amount"}
        assert used & {"due_on", "due_when", "promised_on", "oldest_due_on", "instalment_on"}


@pytest.mark.parametrize(("template", "channel", "language"), TEXTS)
def test_a_short_message_says_how_to_dispute_how_to_stop_and_its_reference(
    template: str, channel: str, language: str
) -> None:
    if channel == Channel.EMAIL:
        return  # its layout says so; test_email.py looks at what it says
    used = CATALOG.variables_of(template, channel, language)
    assert {"opt_out_line", "reference"} <= used
    assert used & {"phone", "dispute_contact"}


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("template", CATALOG.names)
def test_the_languages_all_differ(template: str, channel: str) -> None:
    sources = [
        (ROOT / language / f"{template}.{channel}.j2").read_text(encoding="utf-8")
        for language in CATALOG.languages
        if channel in CATALOG.channels_of(template, language)
    ]
    assert len(set(sources)) == len(sources)


def test_no_label_of_a_fact_is_missing_in_any_language() -> None:
    facts = {fact for template in CATALOG.names for fact in CATALOG.entry(template).facts}
    assert {language: facts - labels_of(language).facts.keys() for language in CATALOG.languages} == {
        language: set() for language in CATALOG.languages
    }


@pytest.mark.parametrize(("template", "channel"), [(t, c) for t, c, lang in TEXTS if lang == "fr"])
def test_french_keeps_its_punctuation_on_the_line(template: str, channel: str) -> None:
    source = (ROOT / "fr" / f"{template}.{channel}.j2").read_text(encoding="utf-8")
    assert not any(f" {mark}" in source for mark in ":;?!")


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(TemplateError, match=r"no_such.*unknown_template"):
        CATALOG.kind("no_such")


def test_a_channel_without_a_text_is_named() -> None:
    with pytest.raises(TemplateError, match=r"fr/account_checkin\.sms: missing_text"):
        text_of("account_checkin", "sms", "fr")


def test_a_language_without_labels_is_named() -> None:
    with pytest.raises(TemplateError, match=r"xx/.*unknown_language"):
        labels_of("xx")
