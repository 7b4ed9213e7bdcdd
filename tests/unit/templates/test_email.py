"""E-mails: one letter as HTML and as text, complete, and nothing in it that anybody could have injected."""

import html as entities
import itertools
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.account import OpenItem
from cadence.creditor import Creditor
from templates.catalog import Catalog, Kind
from templates.labels import labels_of
from templates.rendering import TemplateError, render_email
from templates.values import money, values_for, visible_line
from tests.unit.templates.samples import OPT_OUT, USUAL, creditor_document, longest, payment_document

CATALOG = Catalog.load()
# Each rule is asked of all of them in one test, which names every e-mail that breaks it.
EMAILS = list(itertools.product(CATALOG.names, CATALOG.languages))


class Elements(HTMLParser):
    """What a mail program finds in an HTML part."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def normal(text: str) -> str:
    return " ".join(text.split())


def test_an_email_says_who_what_how_much_and_how_to_disagree_and_stop() -> None:
    missing = []
    for template, language in EMAILS:
        ctx = replace(USUAL, language=language)
        email, values = render_email(template, ctx), values_for("email", ctx)
        names = ("customer_name", "creditor_name", "invoice_number", "balance", "phone", "reply_to")
        told = [normal(str(values[name])) for name in names]
        told += ["contestacoes@example.com", OPT_OUT[language], ctx.reference]
        read = normal(" ".join(Elements(email.html).words))
        for kind, part in (("text", normal(email.text)), ("html", read)):
            missing += [(template, language, kind, each) for each in told if each not in part]
    assert missing == []


def test_only_a_reminder_shows_the_payment_box() -> None:
    wrong = []
    for template, language in EMAILS:
        email = render_email(template, replace(USUAL, language=language))
        box = (
            labels_of(language).how_to_pay,
            "https://pay.example.com/i/K7Q2M9XA",
            "Pix: financeiro@example.com",
        )
        asks = CATALOG.kind(template) == Kind.REMINDER
        for kind, part in (("text", email.text), ("html", email.html)):
            wrong += [(template, language, kind, each) for each in box if (each in part) != asks]
    assert wrong == []


def test_a_subject_names_creditor_and_invoice_and_no_amount() -> None:
    subjects = {
        (template, language): render_email(template, replace(USUAL, language=language)).subject
        for template, language in EMAILS
    }
    named = (USUAL.creditor.legal_name, USUAL.invoice_number)
    assert {each: line for each, line in subjects.items() if not all(name in line for name in named)} == {}
    assert {each: line for each, line in subjects.items() if re.search(r"[$€£]|\d,\d\d\b", line)} == {}


def test_no_two_languages_say_the_same() -> None:
    alike = []
    for template in CATALOG.names:
        emails = [render_email(template, replace(USUAL, language=each)) for each in CATALOG.languages]
        texts = {email.text for email in emails}
        if not len(texts) == len({email.subject + email.text for email in emails}) == len(CATALOG.languages):
            alike.append(template)
    assert alike == []


def test_an_email_takes_values_at_their_longest() -> None:
    cut = []
    for language in CATALOG.languages:
        ctx = longest(language, "USD")
        for template in CATALOG.names:
            email = render_email(template, ctx)
            if "M" * 60 not in email.html or "M" * 60 not in email.text:
                cut.append((template, language))
    assert cut == []


SEVERAL = (
    OpenItem("2026/00101", date(2026, 9, 1), Decimal("100.10"), "BRL", "RF18000"),
    OpenItem("2026/00417", date(2026, 10, 15), Decimal("1234.56"), "BRL"),
    OpenItem("2026/00500", date(2026, 10, 27), Decimal("20.00"), "EUR"),
)


def test_an_email_that_speaks_of_several_invoices_lists_each_and_the_sum_in_each_currency() -> None:
    missing, miscounted = [], []
    for template, language in [each for each in EMAILS if CATALOG.kind(each[0]) == Kind.REMINDER]:
        labels = labels_of(language)
        email = render_email(template, replace(USUAL, language=language, items=SEVERAL))
        told = ["2026/00101 - RF18000", "2026/00417", "2026/00500", labels.all_of_them]
        told += [
            normal(money(Decimal("1334.66"), "BRL", labels)),
            normal(money(Decimal("20.00"), "EUR", labels)),
        ]
        read = normal(" ".join(Elements(email.html).words))
        for kind, part in (("text", normal(email.text)), ("html", read)):
            missing += [(template, language, kind, each) for each in told if each not in part]
        if "2" not in email.subject.rpartition("(")[2]:
            miscounted.append((template, language, email.subject))
    assert (missing, miscounted) == ([], [])


def test_the_ways_to_pay_are_those_of_every_currency_that_is_owed() -> None:
    ways = {"BRL": ["Pix: a@example.com"], "EUR": ["IBAN: PT50 0000", "Pix: a@example.com"]}
    told = {
        code: payment_document() | {"instructions": dict.fromkeys(OPT_OUT, lines)}
        for code, lines in ways.items()
    }
    creditor = Creditor.model_validate(creditor_document(payment=told))
    lines = values_for("email", replace(USUAL, items=SEVERAL, creditor=creditor))["pay_lines"]
    assert lines == ["Pix: a@example.com", "IBAN: PT50 0000"]


@settings(max_examples=50, deadline=None)
@given(number=st.text(max_size=40))
def test_a_number_in_the_table_adds_no_markup(number: str) -> None:
    def tags(shown: str) -> list[str]:
        items = (replace(SEVERAL[0], number=shown), SEVERAL[1])
        return Elements(render_email("overdue_second", replace(USUAL, items=items)).html).tags

    assert tags(number) == tags("2026/1")


def test_styles_are_inlined_and_the_small_screen_rules_stay() -> None:
    html = render_email("overdue_first", USUAL).html
    assert re.search(r'<h1 style="[^"]*font-size', html)
    assert "@media (max-width: 480px)" in html


def test_an_html_part_names_its_language_and_loads_nothing() -> None:
    html = render_email("overdue_first", replace(USUAL, language="fr")).html
    assert '<html lang="fr"' in html
    assert not {"img", "script", "link", "iframe", "object"} & set(Elements(html).tags)


def test_the_invoice_amount_is_listed_only_beside_a_different_balance() -> None:
    label = labels_of("pt-BR").facts["amount"]
    assert label not in render_email("overdue_first", USUAL).text
    assert label in render_email("overdue_first", replace(USUAL, balance=Decimal("1000.00"))).text


def test_without_a_payment_link_there_is_no_button() -> None:
    creditor = Creditor.model_validate(creditor_document(pay_url=None))
    email = render_email("overdue_first", replace(USUAL, creditor=creditor))
    assert Elements(email.html).links == []
    assert labels_of("pt-BR").pay_online not in email.text


def test_the_text_part_has_no_markup_and_no_entities() -> None:
    email = render_email("overdue_first", replace(USUAL, customer_name="Silva & Filhos <Lda>"))
    assert "Silva & Filhos <Lda>" in email.text
    assert entities.unescape(email.text) == email.text


def test_a_missing_fact_is_named_and_no_value_is_quoted() -> None:
    with pytest.raises(TemplateError) as caught:
        render_email("payment_received", replace(USUAL, payment_amount=None))
    assert str(caught.value) == "pt-BR/payment_received.email: undefined_variable (payment_amount)"
    assert caught.value.code == "undefined_variable"


def test_a_reminder_in_a_currency_nobody_can_pay_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"undefined_variable \(pay_lines\)"):
        render_email("overdue_first", replace(USUAL, currency="CHF"))


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"pt-BR/no_such\.email: missing_text"):
        render_email("no_such", USUAL)


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "{{7*7}}{% for x in y %}",
            "{{ ''.__class__.__mro__ }}",
            "Ana\r\nBcc: other@example.com",
            "Ana\n\n<h1>Ana</h1>",
            "\u202eevil\u2066\u200b\x00\x1b",
            "</style><style>*{display:none}",
        ]
    ),
)
PLAIN = Elements(render_email("overdue_second", USUAL).html)


@settings(max_examples=150, deadline=None)
@given(name=HOSTILE, number=HOSTILE)
def test_what_a_customer_types_adds_no_markup_no_header_and_no_code(name: str, number: str) -> None:
    email = render_email("overdue_second", replace(USUAL, customer_name=name, invoice_number=number))
    assert Elements(email.html).tags == PLAIN.tags
    assert Elements(email.html).links == PLAIN.links
    assert email.subject.isprintable() or "\u00a0" in email.subject
    assert normal(visible_line(number)) in normal(email.subject)
    for part in (email.html, email.text):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069]", part)
    assert "49" not in email.text or "49" in name + number


@settings(max_examples=50, deadline=None)
@given(line=st.sampled_from(['"><script>x</script>', "<b>Pix</b>", "{{ amount }}", "Pix & Boleto"]))
def test_what_a_creditor_types_adds_no_markup_and_no_code(line: str) -> None:
    # How to pay holds no other braces than {reference}: the creditor's document is refused.
    pay = payment_document(line.translate({ord("{"): "(", ord("}"): ")"}))
    document = creditor_document(legal_name=line, dispute_contact=line, payment={"BRL": pay})
    email = render_email("overdue_second", replace(USUAL, creditor=Creditor.model_validate(document)))
    assert Elements(email.html).tags == PLAIN.tags
    assert line in email.text
    assert line in "".join(Elements(email.html).words)


@pytest.mark.parametrize("language", CATALOG.languages)
def test_thanks_for_a_payment_speak_of_a_habit_of_paying_on_time_and_never_of_its_lack(language: str) -> None:
    ctx = replace(USUAL, language=language)
    usual = render_email("payment_received", ctx).text
    assert render_email("payment_received", replace(ctx, paid_on_time=1)).text == usual
    thanked = render_email("payment_received", replace(ctx, paid_on_time=37)).text
    assert "37" in thanked
    assert len(thanked.split("\n\n")) == len(usual.split("\n\n")) + 1
