"""The values a template may use: one invoice's facts, formatted for its reader."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency

from cadence.account import OpenItem, totals
from cadence.creditor import Creditor
from cadence.words import Channel, rounded
from templates.labels import Counted, Labels, labels_of

Values = dict[str, str | list[str]]
# Babel takes a tenth of a millisecond and more to write one; a letter repeats its own, and a day's letters their dates.
WRITTEN_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The facts of one message, unformatted.

    Amounts are in `currency` (ISO 4217); `due_on` and `issued_on` are dates in the creditor's zone, `today` is the
    customer's local date. `promised_amount` None, with a `promised_on`, means the whole balance. `country` (ISO 3166)
    is the customer's, by whose manner numbers and dates are written. `reference` is the message's own;
    `creditor_reference` the invoice's, where the creditor's instructions quote it. `paid_on_time` is how many
    invoices the customer has paid on time. `items` are all the invoices that the message speaks of, in its table's
    order; empty means this one alone. `disputed_amount` is under review and no part of `balance`. `interest` and
    `costs` are the late charges within the balance. `instalment` is the one of which the message speaks, `plan` all
    that is to come: days, and what is owed for each.
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
    instalment: tuple[date, Decimal] | None = None
    plan: tuple[tuple[date, Decimal], ...] = ()
    paid_on_time: int = 0
    disputed_amount: Decimal | None = None
    credited_amount: Decimal | None = None
    interest: Decimal = Decimal(0)
    costs: Decimal = Decimal(0)
    creditor_reference: str = ""
    country: str = ""
    items: tuple[OpenItem, ...] = ()

    @property
    def account(self) -> tuple[OpenItem, ...]:
        """The same, with the message's own invoice where that is the only one."""
        return self.items or (OpenItem(self.invoice_number, self.due_on, self.balance, self.currency),)


def values_for(channel: str, ctx: RenderContext) -> Values:
    """Return what a template of `channel` may use; a fact that this message does not have is left out."""
    labels = labels_of(ctx.language, ctx.country)
    return {
        **_names(channel, ctx),
        **_dates(channel, ctx, labels),
        **_amounts(ctx, labels),
        **_account(channel, ctx, labels),
        **_plan(channel, ctx, labels),
        **_payment(channel, ctx),
    }


def charges_line(ctx: RenderContext) -> str:
    """Return the sentence that the balance includes late charges; empty where it includes none.

    Of several invoices it says nothing: it could be read as true of each.
    """
    if ctx.items:
        return ""
    labels = labels_of(ctx.language, ctx.country)
    told = labels.late_charges
    if ctx.interest and ctx.costs:
        text = told.both
    elif ctx.interest or ctx.costs:
        text = told.interest if ctx.interest else told.costs
    else:
        return ""
    interest, costs = (money(amount, ctx.currency, labels) for amount in (ctx.interest, ctx.costs))
    return text.format(interest=interest, costs=costs)


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


def items_table(ctx: RenderContext) -> Mapping[str, Sequence[tuple[str, ...]]]:
    """The table of all that an e-mail speaks of: number, due date, time overdue and balance; and the totals.

    A reference that is to be quoted with a payment stands beside its number.
    """
    labels = labels_of(ctx.language, ctx.country)
    rows = [
        (
            " - ".join(filter(None, (visible_line(item.number), item.reference))),
            _short_date(item.due_on, labels),
            counted(item.days_overdue(ctx.today), labels.days, labels)
            if item.days_overdue(ctx.today)
            else "",
            money(item.balance, item.currency, labels),
        )
        for item in ctx.items
    ]
    owed = totals(ctx.items).items() if ctx.items else ()
    return {"rows": rows, "totals": [(labels.total, money(sum_, code, labels)) for code, sum_ in owed]}


def _account(channel: str, ctx: RenderContext, labels: Labels) -> Values:
    oldest = min(item.due_on for item in ctx.account)
    return {
        "open_invoices": counted(len(ctx.account), labels.open_invoices, labels),
        "total": " + ".join(money(owed, code, labels) for code, owed in totals(ctx.account).items()),
        "oldest_due_on": _written(oldest, channel, labels),
    }


def _written(day: date, channel: str, labels: Labels) -> str:
    return _short_date(day, labels) if channel == Channel.SMS else long_date(day, labels)


def _dates(channel: str, ctx: RenderContext, labels: Labels) -> Values:
    def written(day: date) -> str:
        return _written(day, channel, labels)

    due_on = written(ctx.due_on)
    told = labels.due_when.today if ctx.due_on == ctx.today else labels.due_when.other
    values: Values = {
        "due_on": due_on,
        "due_when": told.format(date=due_on),
        "issued_on": written(ctx.issued_on),
        "days_overdue": counted((ctx.today - ctx.due_on).days, labels.days, labels),
        "days_until_due": counted((ctx.due_on - ctx.today).days, labels.days, labels),
    }
    if ctx.promised_on is not None:
        values["promised_on"] = written(ctx.promised_on)
    return values


def _plan(channel: str, ctx: RenderContext, labels: Labels) -> Values:
    """The instalment of which the message speaks, and the plan that stands."""
    values: Values = {}
    if ctx.instalment is not None:
        values["instalment_on"] = _written(ctx.instalment[0], channel, labels)
        values["instalment_amount"] = money(ctx.instalment[1], ctx.currency, labels)
    if ctx.plan:
        total = sum((amount for _, amount in ctx.plan), Decimal(0))
        values["plan_instalments"] = counted(len(ctx.plan), labels.instalments, labels)
        values["plan_total"] = money(total, ctx.currency, labels)
        values["plan_lines"] = [
            f"{turn}. {_written(day, channel, labels)}{labels.colon} {money(amount, ctx.currency, labels)}"
            for turn, (day, amount) in enumerate(ctx.plan, start=1)
        ]
    return values


def money(amount: Decimal, currency: str, labels: Labels) -> str:
    """An amount of `currency` (ISO 4217), rounded, as the language writes it."""
    return _currency(rounded(amount, currency), currency, labels.locale)


@lru_cache(maxsize=WRITTEN_KEPT)
def _currency(amount: Decimal, currency: str, locale: str) -> str:
    return format_currency(amount, currency, locale=locale)


def _amounts(ctx: RenderContext, labels: Labels) -> Values:
    def written(amount: Decimal) -> str:
        return money(amount, ctx.currency, labels)

    values: Values = {"amount": written(ctx.amount), "balance": written(ctx.balance)}
    if ctx.promised_on is not None:
        promised = ctx.balance if ctx.promised_amount is None else ctx.promised_amount
        values["promised_amount"] = written(promised)
    if ctx.payment_amount is not None:
        values["payment_amount"] = written(ctx.payment_amount)
    if ctx.disputed_amount is not None:
        values["disputed_amount"] = written(ctx.disputed_amount)
    if ctx.credited_amount is not None:
        values["credited_amount"] = written(ctx.credited_amount)
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
    ways = [way for code in totals(ctx.account) if (way := ctx.creditor.payment_in(code))]
    told = [line for way in ways for line in way.lines(ctx.language, ctx.creditor_reference)]
    lines = [clean(line) for line in dict.fromkeys(told)]
    return {"pay_url": url, "pay_short": short, "pay_text": text, "pay_lines": lines}


def long_date(day: date, labels: Labels) -> str:
    """A date in full, as the language writes it."""
    text = _date(day, "long", labels.locale)
    if day.day == 1 and labels.first_day:
        return labels.first_day + text.removeprefix("1")
    return text


def _short_date(day: date, labels: Labels) -> str:
    return _date(day, labels.sms_date, labels.locale)


@lru_cache(maxsize=WRITTEN_KEPT)
def _date(day: date, pattern: str, locale: str) -> str:
    return format_date(day, pattern, locale=locale)


def counted(count: int, words: Counted, labels: Labels) -> str:
    """A number of things in the language's own words; below zero there is nothing to count."""
    shown = max(count, 0)
    form = _plural_form(shown, labels.locale)
    return (words.one if form == "one" else words.other).format(n=shown)


@lru_cache(maxsize=WRITTEN_KEPT)
def _plural_form(count: int, locale: str) -> str:
    return Locale.parse(locale).plural_form(count)
