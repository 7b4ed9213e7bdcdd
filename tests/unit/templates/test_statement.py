"""Statements: every open item with its age, in every language, and nothing that anybody typed is read as markup."""

import json
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.account import Account, OpenItem, ageing
from cadence.words import Language
from templates.statement import render_statement
from tests.unit.templates.samples import CREDITOR

TODAY = date(2026, 5, 6)


def item(number: str, days_late: int, balance: str = "100.00", currency: str = "EUR") -> OpenItem:
    return OpenItem(number, TODAY - timedelta(days=days_late), Decimal(balance), currency)


def account(*items: OpenItem, language: str = "en", name: str = "Padaria Aurora") -> Account:
    return Account("C-1", name, language, TODAY, items)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What typst was given to set, in order."""
    told: list[str] = []
    compiled: Any = typst.compile

    def listening(*given: Any, sys_inputs: dict[str, str], **more: Any) -> Any:
        told.append(sys_inputs["data"])
        return compiled(*given, sys_inputs=sys_inputs, **more)

    monkeypatch.setattr(typst, "compile", listening)
    return told


@pytest.mark.parametrize(
    ("days", "age"), [(-5, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (400, 4)]
)
def test_an_item_falls_into_one_age(days: int, age: int) -> None:
    owed = ageing([item("1", days)], TODAY)["EUR"]
    assert [bool(each) for each in owed] == [place == age for place in range(5)]


@given(st.lists(st.tuples(st.integers(-50, 500), st.sampled_from(["EUR", "BRL"])), max_size=30))
def test_the_ages_of_a_currency_add_up_to_what_is_owed_in_it(late: list[tuple[int, str]]) -> None:
    items = [item("1", days, "10.10", currency) for days, currency in late]
    for currency, owed in ageing(items, TODAY).items():
        assert sum(owed) == sum(each.balance for each in items if each.currency == currency)


@pytest.mark.parametrize("language", list(Language))
def test_a_statement_is_a_pdf_in_the_customers_language(language: str, shown: list[str]) -> None:
    made = render_statement(account(item("2026/1", 12), item("2026/2", 95), language=language), CREDITOR)
    assert made.pdf.startswith(b"%PDF-")
    assert re.fullmatch(r"[a-z-]+-2026-05-06\.pdf", made.filename)
    told = json.loads(shown[0])
    assert [row["number"] for row in told["items"]] == ["2026/1", "2026/2"]
    assert len(told["ageing"][0]) == len(told["labels"]["buckets"]) == 5


def test_no_two_languages_have_the_same_words(shown: list[str]) -> None:
    for language in Language:
        render_statement(account(item("1", 3), language=language), CREDITOR)
    words = [json.dumps(json.loads(told)["labels"]) for told in shown]
    assert len(set(words)) == len(Language)


def test_each_currency_has_its_own_total_and_ageing(shown: list[str]) -> None:
    render_statement(account(item("1", 3), item("2", 3, "5", "BRL"), item("3", 3)), CREDITOR)
    told = json.loads(shown[0])
    assert told["totals"] == ["R$5.00", "€200.00"]
    assert len(told["ageing"]) == 2


def test_an_account_without_open_items_says_so() -> None:
    assert render_statement(account(), CREDITOR).pdf.startswith(b"%PDF-")


def test_what_is_disputed_is_marked(shown: list[str]) -> None:
    disputed = OpenItem("2", TODAY, Decimal(5), "EUR", disputed=True)
    render_statement(account(item("1", 3), disputed), CREDITOR)
    assert [row["note"] for row in json.loads(shown[0])["items"]] == ["", "in dispute"]


@settings(max_examples=25, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.sampled_from(
            [
                '#panic("x")',
                '#read("/etc/passwd")',
                "$ x",
                "*b",
                "<a>",
                "[",
                "\\",
                "// c",
                "`",
                '#import "@x/y:1"',
            ]
        ),
    )
)
def test_what_anybody_typed_is_shown_and_never_read_as_markup(typed: str) -> None:
    made = render_statement(account(item(typed, 3), name=typed), CREDITOR)
    assert made.pdf.startswith(b"%PDF-")


def test_a_hundred_open_items_go_over_several_pages() -> None:
    many = [item(f"2026/{number}", number) for number in range(100)]
    pages = re.search(
        rb"/Type */Pages.*?/Count (\d+)", render_statement(account(*many), CREDITOR).pdf, re.DOTALL
    )
    assert pages is not None
    assert int(pages[1]) > 1
