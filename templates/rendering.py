"""Turns a template and the values of one invoice into an e-mail, an SMS or a WhatsApp message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import css_inline

from cadence.words import Channel
from templates.catalog import Catalog
from templates.environment import ENVIRONMENT, Text, text_of
from templates.errors import TemplateError
from templates.gsm7 import segments, transliterate
from templates.labels import Labels, labels_of
from templates.values import RenderContext, Values, charges_line, counted, items_table, money, values_for

__all__ = [
    "RenderContext",
    "RenderedEmail",
    "RenderedSms",
    "RenderedWhatsApp",
    "TemplateError",
    "render_email",
    "render_sms",
    "render_whatsapp",
    "whatsapp_template_text",
]

SMS_SEGMENTS = 2
WHATSAPP_CHARACTERS = 1024  # Meta's limit on the body of a template message
EMAIL_BLOCKS = frozenset({"subject", "title", "body", "closing"})
# The style element stays for its media queries; every other rule is copied to where it applies.
INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """An e-mail: a one-line subject and the same letter as HTML (css inlined) and as plain text."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class RenderedSms:
    """An SMS in GSM-7 only, and the number of segments (1 or 2) it is billed as."""

    body: str
    segments: int


@dataclass(frozen=True, slots=True)
class RenderedWhatsApp:
    """A WhatsApp message as its reader sees it, and the content variables ("1", "2", ...) that make it so."""

    body: str
    variables: dict[str, str]


def render_email(template: str, ctx: RenderContext) -> RenderedEmail:
    """Return the e-mail `template` for `ctx`; raises TemplateError."""
    values = values_for(Channel.EMAIL, ctx)
    text = text_of(template, Channel.EMAIL, ctx.language)
    letter = _letter(template, text, values, ctx)
    return RenderedEmail(
        subject=" ".join((text.render(values, "subject") + _and_more(ctx)).split()),
        html=INLINER.inline(ENVIRONMENT.get_template("layouts/email.html.j2").render(letter)),
        text=ENVIRONMENT.get_template("layouts/email.txt.j2").render(letter).strip() + "\n",
    )


def render_sms(template: str, ctx: RenderContext) -> RenderedSms:
    """Return the SMS `template` for `ctx`, in GSM-7; TemplateError `too_long` where it exceeds two segments."""
    text = text_of(template, Channel.SMS, ctx.language)
    body = _with_review(text, transliterate(text.render(values_for(Channel.SMS, ctx))), ctx)
    count = segments(body)
    if count > SMS_SEGMENTS:
        raise text.error("too_long", f"{count} segments, at most {SMS_SEGMENTS}")
    return RenderedSms(body, count)


def render_whatsapp(template: str, ctx: RenderContext) -> RenderedWhatsApp:
    """Return the WhatsApp message `template` for `ctx`; TemplateError `empty_variable`, `too_long`, `not_flat`."""
    text = text_of(template, Channel.WHATSAPP, ctx.language)
    order = _placeholders(text)
    values = values_for(Channel.WHATSAPP, ctx)
    body = text.render(values)
    empty = [name for name in order if not values[name]]
    if empty:
        raise text.error("empty_variable", ", ".join(empty))
    if len(body) > WHATSAPP_CHARACTERS:
        raise text.error("too_long", f"{len(body)} characters, at most {WHATSAPP_CHARACTERS}")
    return RenderedWhatsApp(body, {str(n): str(values[name]) for n, name in enumerate(order, start=1)})


def whatsapp_template_text(template: str, language: str) -> str:
    """Return the text to register at the provider, with `{{1}}`, `{{2}}`, ... where the variables go."""
    text = text_of(template, Channel.WHATSAPP, language)
    numbered = {name: f"{{{{{n}}}}}" for n, name in enumerate(_placeholders(text), start=1)}
    return text.render(numbered)


def _with_review(text: Text, body: str, ctx: RenderContext) -> str:
    """The SMS with a line that a disputed part is not asked for, where there is room for it."""
    labels = labels_of(ctx.language, ctx.country)
    review = _under_review(text, labels, labels.under_review_short, ctx)
    longer = transliterate(f"{body}\n{review}")
    return longer if review and segments(longer) <= SMS_SEGMENTS else body


def _under_review(text: Text, labels: Labels, sentence: str, ctx: RenderContext) -> str:
    """That a part is disputed and under review; empty where none is, or where the text says so itself."""
    if ctx.disputed_amount is None or "disputed_amount" in text.variables:
        return ""
    return sentence.format(amount=money(ctx.disputed_amount, ctx.currency, labels))


def _letter(template: str, text: Text, values: Values, ctx: RenderContext) -> Mapping[str, object]:
    """What the layouts show, in plain text: the HTML layout escapes it."""
    absent = EMAIL_BLOCKS - text.blocks
    if absent:
        raise text.error("missing_block", ", ".join(sorted(absent)))
    entry = Catalog.load().entry(template)
    needed = Catalog.load().variables_of(template, Channel.EMAIL, ctx.language)
    if needed - values.keys():
        raise text.error("undefined_variable", ", ".join(sorted(needed - values.keys())))
    labels = labels_of(ctx.language, ctx.country)
    review = _under_review(text, labels, labels.under_review, ctx)
    # The invoice's amount is a second figure to read only where something has been paid of it.
    facts = [name for name in entry.facts if name != "amount" or ctx.amount != ctx.balance]
    return {
        **values,
        "language": ctx.language,
        "labels": labels,
        "title": text.render(values, "title"),
        "paragraphs": [
            *re.split(r"\n\s*\n", text.render(values, "body")),
            *filter(None, (review, charges_line(ctx))),
        ],
        "closing": text.render(values, "closing"),
        "facts": [(labels.facts[name], values[name]) for name in facts],
        "items": items_table(ctx),
        "payment": entry.payment,
    }


def _and_more(ctx: RenderContext) -> str:
    """What a subject adds where the letter speaks of more invoices than the one it names."""
    labels = labels_of(ctx.language, ctx.country)
    return f" ({counted(len(ctx.items) - 1, labels.and_more, labels)})" if len(ctx.items) > 1 else ""


def _placeholders(text: Text) -> list[str]:
    """Return the variables in the order of their first use: Meta wants the numbers to rise through the text."""
    if not text.is_flat:
        raise text.error("not_flat", "a WhatsApp text holds words and plain {{ name }} only")
    marked = text.render({name: f"\x00{name}\x00" for name in text.variables})
    return list(dict.fromkeys(re.findall(r"\x00(\w+)\x00", marked)))
