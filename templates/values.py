"""The values a template may use: one invoice's facts, formatted for its reader."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency

from cadence.creditor import Creditor
from cadence.words import Channel, rounded
from templates.labels import Labels, labels_of

Values = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The facts of one message, unformatted.

    Amounts are in `currency` (ISO 4217); `due_on` and `issued_on` are dates in the creditor's zone, `today` is
    the customer's local date. `promised_amount` None, with a `promised_on`, means the whole balance. `reference` is the
    message's own; `creditor_reference` the invoice's, where the creditor's instructions quote it. `paid_on_time` is
    how many invoices the customer has paid on time.
    """

    language: str
    customer_name: str
    invoice_number: str
    amount: Decimal
    balance: Decimal
    currency: str
    issued_on: date
    due_on: date
    today: date
    reference: str
    creditor: Creditor
    promised_on: date | None = None
    promised_amount: Decimal | None = None
    payment_amount: Decimal | None = None
    paid_on_time: int = 0
    creditor_reference: str = ""


def values_for(channel: str, ctx: RenderContext) -> Values:
    """Return what a template of `channel` may use; a fact that this message does not have is left out."""
    labels = labels_of(ctx.language)
    return {
        **_names(channel, ctx),
        **_dates(channel, ctx, labels),
        **_amounts(ctx, labels),
        **_payment(channel, ctx),
    }


def visible_line(typed: str) -> str:
    """Return what somebody typed as one visible line: no control, bidirectional or zero-width characters."""
    if typed.isprintable():  # all but C*, and Z* but for the space
        return " ".join(typed.split())
    # C* is Unicode's control, format, surrogate, private and unassigned; a line break among them is a space.
    visible = (c if unicodedata.category(c)[0] not in "CZ" else " " if c.isspace() else "" for c in typed)
    return " ".join("".join(visible).split())


def without_markup(typed: str) -> str:
    """Return `typed` as one line without WhatsApp's bold, strike-through, code, italics and `{{1}}` marks.

    An underscore inside a word stays: it marks nothing there, and invoice numbers have them.
    """
    return visible_line(re.sub(r"[*~`{}]|(?<![^\W_])_|_(?![^\W_])", "", visible_line(typed)))


def _cleaning(channel: str) -> Callable[[str], str]:
    return without_markup if channel == Channel.WHATSAPP else visible_line


def _names(channel: str, ctx: RenderContext) -> Values:
    creditor, clean = ctx.creditor, _cleaning(channel)
    return {
        "customer_name": clean(ctx.customer_name),
        "creditor_name": clean(creditor.short_name if channel == Channel.SMS else creditor.legal_name),
        "invoice_number": clean(ctx.invoice_number),
        "reference": clean(ctx.reference),
        "dispute_contact": clean(creditor.dispute_contact),
        "opt_out_line": clean(creditor.opt_out_line(ctx.language, channel)),
        "phone": clean(creditor.phone),
        "reply_to": clean(creditor.email.reply_to),
        # One alone is no habit to thank for; empty, so that a text can leave its sentence out.
        "paid_on_time": str(ctx.paid_on_time) if ctx.paid_on_time > 1 else "",
    }


def _dates(channel: str, ctx: RenderContext, labels: Labels) -> Values:
    def written(day: date) -> str:
        return _short_date(day, labels) if channel == Channel.SMS else _long_date(day, labels)

    due_on = written(ctx.due_on)
    told = labels.due_when.today if ctx.due_on == ctx.today else labels.due_when.other
    values: Values = {
        "due_on": due_on,
        "due_when": told.format(date=due_on),
        "issued_on": written(ctx.issued_on),
        "days_overdue": _days((ctx.today - ctx.due_on).days, labels),
        "days_until_due": _days((ctx.due_on - ctx.today).days, labels),
    }
    if ctx.promised_on is not None:
        values["promised_on"] = written(ctx.promised_on)
    return values


def _amounts(ctx: RenderContext, labels: Labels) -> Values:
    def money(amount: Decimal) -> str:
        return format_currency(rounded(amount, ctx.currency), ctx.currency, locale=labels.locale)

    values: Values = {"amount": money(ctx.amount), "balance": money(ctx.balance)}
    if ctx.promised_on is not None:
        promised = ctx.balance if ctx.promised_amount is None else ctx.promised_amount
        values["promised_amount"] = money(promised)
    if ctx.payment_amount is not None:
        values["payment_amount"] = money(ctx.payment_amount)
    return values


def _payment(channel: str, ctx: RenderContext) -> Values:
    clean = _cleaning(channel)
    url = ctx.creditor.pay_url(ctx.reference) or ""
    payment = ctx.creditor.payment_in(ctx.currency)
    if payment is None:
        return {"pay_url": url}
    short = clean(payment.short_line(ctx.creditor_reference))
    # An SMS has room for one way to pay; the link is made for this invoice, so it goes first.
    text = url or short if channel == Channel.SMS else " - ".join(filter(None, (short, url)))
    lines = [clean(line) for line in payment.lines(ctx.language, ctx.creditor_reference)]
    return {"pay_url": url, "pay_short": short, "pay_text": text, "pay_lines": lines}


def _long_date(day: date, labels: Labels) -> str:
    text = format_date(day, "long", locale=labels.locale)
    if day.day == 1 and labels.first_day:
        return labels.first_day + text.removeprefix("1")
    return text


def _short_date(day: date, labels: Labels) -> str:
    return format_date(day, labels.sms_date, locale=labels.locale)


def _days(count: int, labels: Labels) -> str:
    shown = max(count, 0)
    form = Locale.parse(labels.locale).plural_form(shown)
    return (labels.days.one if form == "one" else labels.days.other).format(n=shown)
