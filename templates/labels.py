"""What a language says outside its letters: its formats, and the words of the shared layouts."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from babel import localedata
from pydantic import BaseModel, ConfigDict

from templates.errors import TemplateError

ROOT = Path(__file__).parent


class DueWhen(BaseModel):
    """How a due date is told on the day itself and on any other day; `{date}` stands for the date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    today: str
    other: str


class Counted(BaseModel):
    """A number of things in words, singular and plural by CLDR's rules; `{n}` stands for the number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    one: str
    other: str


class ChargesWords(BaseModel):
    """That a balance includes late interest, costs, or both; `{interest}` and `{costs}` stand for the amounts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interest: str
    costs: str
    both: str


class StatementLabels(BaseModel):
    """The words of a statement of account; `{date}` and `{days}` stand for a date and a span of days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    title: str
    as_of: str
    customer: str
    nothing: str
    ageing: str
    current: str
    overdue: str
    disputed: str


class Labels(BaseModel):
    """`<language>/labels.yaml`. `locale` is Babel's; `sms_date` is a CLDR date pattern."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    locale: str
    sms_date: str
    first_day: str | None = None
    """The first of a month, where the language writes an ordinal there (1er octobre)."""
    due_when: DueWhen
    days: Counted
    open_invoices: Counted
    and_more: Counted
    all_of_them: str
    total: str
    instalments: Counted
    facts: Mapping[str, str]
    late_charges: ChargesWords
    colon: str
    """With the space before it that French wants."""
    how_to_pay: str
    pay_online: str
    under_review: str
    """What an e-mail says of a disputed part, `{amount}`, that is not in the balance."""
    under_review_short: str
    """The same in an SMS, where it has room."""
    questions: str
    questions_lead: str
    phone: str
    email: str
    reference: str
    why_you: str
    statement: StatementLabels


@cache
def labels_of(language: str, country: str = "") -> Labels:
    """Return the labels of `language`; TemplateError `unknown_language` where no such folder exists.

    Numbers and dates are written as in `country` (ISO 3166) where the language is at home there: 4,500.00 in Mexico.
    """
    labels = _read(language)
    regional = f"{labels.locale.partition('_')[0]}_{country}"
    # Portuguese is two languages here, and each writes as its own country does.
    if labels.locale.startswith("pt") or regional not in _locales():
        return labels
    return labels.model_copy(update={"locale": regional})


@cache
def _locales() -> frozenset[str]:
    return frozenset(localedata.locale_identifiers())


@cache
def _read(language: str) -> Labels:
    path = ROOT / language / "labels.yaml"
    if not path.is_file():
        raise TemplateError("unknown_language", template="labels", language=language, channel="yaml")
    return Labels.model_validate(yaml.load(path.read_text("utf-8"), yaml.CSafeLoader))
