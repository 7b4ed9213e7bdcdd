"""Write the message that a permit allows: the template in the customer's language, or what an agent wrote."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from cadence.account import SEVERAL
from cadence.creditor import Creditor
from cadence.words import Language
from channels.message import Attachment, EmailMessage, SmsMessage, WhatsAppMessage, WhatsAppText
from ledger.sending import Permit
from templates.answers import answer_sms, answer_whatsapp
from templates.rendering import (
    RenderContext,
    TemplateError,
    render_email,
    render_sms,
    render_whatsapp,
)
from templates.statement import MEDIA_TYPE, render_statement

M = TypeVar("M", EmailMessage, SmsMessage, WhatsAppMessage | WhatsAppText)


@dataclass(frozen=True, slots=True)
class Draft(Generic[M]):
    """A message ready to go, and what the ledger keeps of it."""

    message: M
    body: str
    subject: str | None = None
    html: str | None = None


def compose_email(permit: Permit, creditor: Creditor, public_url: str, _now: datetime) -> Draft[EmailMessage]:
    """The e-mail; raise TemplateError."""
    written = render_email(permit.template, _context(permit, creditor))
    message = EmailMessage(
        attempt_id=permit.attempt_id,
        reference=permit.reference,
        to=permit.address,
        sender=creditor.email.sender,
        sender_name=creditor.email.sender_name,
        reply_to=creditor.email.reply_to,
        subject=written.subject,
        html=written.html,
        text=written.text,
        # Everybody would have the same link: whose word it brought, nobody could tell.
        unsubscribe_url=None if permit.copies else f"{public_url}/unsubscribe?m={permit.reference}",
        unsubscribe_mailto=creditor.email.reply_to,
        attachments=_attachments(permit, creditor),
        cc=permit.copies,
    )
    return Draft(message, written.text, written.subject, written.html)


def _attachments(permit: Permit, creditor: Creditor) -> tuple[Attachment, ...]:
    if permit.account is None:
        return ()
    statement = render_statement(permit.account, creditor)
    return (Attachment(statement.filename, MEDIA_TYPE, statement.pdf),)


def compose_sms(permit: Permit, creditor: Creditor, _public_url: str, now: datetime) -> Draft[SmsMessage]:
    """The SMS; raise TemplateError. It is void when the send window ends: a queued one must not leave at night."""
    if permit.text is None:
        written = render_sms(_short(permit), _context(permit, creditor))
    else:
        written = answer_sms(permit.text, creditor, permit.reference)
    message = SmsMessage(
        attempt_id=permit.attempt_id,
        reference=permit.reference,
        to=permit.address,
        sender=creditor.sms.sender,
        body=written.body,
        validity=int((permit.window_ends - now).total_seconds()),
    )
    return Draft(message, written.body)


def compose_whatsapp(
    permit: Permit, creditor: Creditor, _public_url: str, _now: datetime
) -> Draft[WhatsAppMessage | WhatsAppText]:
    """The approved WhatsApp template with its variables; raise TemplateError, also where none is approved."""
    if permit.text is not None and creditor.whatsapp is not None:
        return _whatsapp_answer(permit, permit.text, creditor, creditor.whatsapp.sender)
    template = _short(permit)
    content = creditor.whatsapp.content.get(template, {}) if creditor.whatsapp else {}
    content_sid = content.get(Language(permit.language))
    if creditor.whatsapp is None or content_sid is None:
        raise TemplateError("not_approved", template=template, language=permit.language, channel="whatsapp")
    written = render_whatsapp(template, _context(permit, creditor))
    message = WhatsAppMessage(
        attempt_id=permit.attempt_id,
        reference=permit.reference,
        to=permit.address,
        sender=creditor.whatsapp.sender,
        content_sid=content_sid,
        variables=written.variables,
    )
    return Draft(message, written.body)


def _whatsapp_answer(
    permit: Permit, text: str, creditor: Creditor, sender: str
) -> Draft[WhatsAppMessage | WhatsAppText]:
    body = answer_whatsapp(text, creditor, permit.reference)
    message = WhatsAppText(
        attempt_id=permit.attempt_id,
        reference=permit.reference,
        to=permit.address,
        sender=sender,
        body=body,
    )
    return Draft(message, body)


def _context(permit: Permit, creditor: Creditor) -> RenderContext:
    return RenderContext(
        language=permit.language,
        customer_name=permit.customer_name,
        invoice_number=permit.invoice_number,
        amount=permit.amount,
        balance=permit.balance,
        currency=permit.currency,
        issued_on=permit.issued_on,
        due_on=permit.due_on,
        today=permit.today,
        reference=permit.reference,
        creditor=creditor,
        promised_on=permit.promised_on,
        promised_amount=permit.promised_amount,
        payment_amount=permit.payment_amount,
        instalment=permit.instalment,
        plan=permit.plan,
        paid_on_time=permit.paid_on_time,
        disputed_amount=permit.disputed_amount,
        credited_amount=permit.credited_amount,
        interest=permit.interest,
        costs=permit.costs,
        creditor_reference=permit.creditor_reference,
        country=permit.country,
        items=permit.items,
    )


def _short(permit: Permit) -> str:
    """The template of a text that has no room for a table: one sentence speaks of several invoices."""
    return SEVERAL if permit.items else permit.template
