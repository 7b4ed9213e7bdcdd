"""The statement of account: a customer's open items with their ageing, as a PDF set by typst."""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import typst

from cadence.account import Account, OpenItem, ageing, totals
from cadence.creditor import Creditor
from templates.labels import ROOT, Labels, labels_of
from templates.values import counted, long_date, money, visible_line

MEDIA_TYPE = "application/pdf"


@dataclass(frozen=True, slots=True)
class RenderedStatement:
    """A statement as a file: its name, in the reader's language, and the PDF."""

    filename: str
    pdf: bytes


def render_statement(account: Account, creditor: Creditor) -> RenderedStatement:
    """Return the statement of `account` in its customer's language; TemplateError `unknown_language`."""
    labels = labels_of(account.language, account.country)
    pdf = _set(_document(account, creditor, labels))
    return RenderedStatement(f"{labels.statement.file}-{account.as_of.isoformat()}.pdf", pdf)


def _set(document: dict[str, Any]) -> bytes:
    # Data goes in as JSON and is shown as text: nothing that anybody typed is ever read as typst's markup.
    compiled: bytes = typst.compile(
        _source(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(document)},
    )
    return compiled


@cache
def _source() -> bytes:
    return (ROOT / "layouts" / "statement.typ").read_bytes()


def _document(account: Account, creditor: Creditor, labels: Labels) -> dict[str, Any]:
    told = labels.statement
    lang, _, region = account.language.partition("-")
    return {
        "lang": lang,
        "region": region or None,
        "creditor": {"name": visible_line(creditor.legal_name), "contact": _contact(creditor)},
        "customer": {"name": visible_line(account.customer_name), "key": visible_line(account.customer)},
        "as_of": told.as_of.format(date=long_date(account.as_of, labels)),
        "columns": [labels.facts[name] for name in ("invoice_number", "due_on", "days_overdue", "balance")],
        "items": [_row(item, account.as_of, labels) for item in account.items],
        "totals": [money(owed, code, labels) for code, owed in totals(account.items).items()],
        "ageing": [
            [money(owed, code, labels) for owed in owed_by_age]
            for code, owed_by_age in ageing(account.items, account.as_of).items()
        ],
        "labels": {
            "title": told.title,
            "customer": told.customer,
            "nothing": told.nothing,
            "total": labels.total,
            "ageing": told.ageing,
            "buckets": [
                told.current,
                *(told.overdue.format(days=span) for span in ("1–30", "31–60", "61–90", "> 90")),
            ],
        },
    }


def _contact(creditor: Creditor) -> str:
    return " · ".join(visible_line(part) for part in (creditor.phone, creditor.email.reply_to))


def _row(item: OpenItem, as_of: date, labels: Labels) -> dict[str, str]:
    late = item.days_overdue(as_of)
    return {
        "number": visible_line(item.number),
        "note": labels.statement.disputed if item.disputed else "",
        "due_on": long_date(item.due_on, labels),
        "overdue": counted(late, labels.days, labels) if late else "",
        "balance": money(item.balance, item.currency, labels),
    }
