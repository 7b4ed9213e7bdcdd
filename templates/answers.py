"""Writes an agent's own words as a channel carries them: signed, with the message's reference; never a template."""

from cadence.creditor import Creditor
from templates.errors import TemplateError
from templates.gsm7 import segments, transliterate
from templates.rendering import SMS_SEGMENTS, RenderedSms


def answer_sms(text: str, creditor: Creditor, reference: str) -> RenderedSms:
    """The SMS, in GSM-7; TemplateError `too_long` where it exceeds two segments."""
    body = transliterate(_signed(text, creditor, reference))
    count = segments(body)
    if count > SMS_SEGMENTS:
        limit = f"{count} segments, at most {SMS_SEGMENTS}"
        raise TemplateError("too_long", template="answer", language="", channel="sms", detail=limit)
    return RenderedSms(body, count)


def answer_whatsapp(text: str, creditor: Creditor, reference: str) -> str:
    """The free-form WhatsApp message, which Meta takes within 24 hours of the customer's own."""
    return _signed(text, creditor, reference)


def _signed(text: str, creditor: Creditor, reference: str) -> str:
    # The reference is what a provider's list is searched for, should its answer be lost.
    return f"{text}\n{creditor.short_name}, Ref {reference}"
