"""The messages that a channel can carry, complete and rendered: nothing is looked up on the way out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an e-mail."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """One e-mail to one person, and to those of `cc` in copy.

    `unsubscribe_url` is an https address that takes a one-click POST (RFC 8058), if there is one;
    `unsubscribe_mailto` an address, or a mailto: URI, to which a request to stop can be sent.
    """

    attempt_id: str
    reference: str
    to: str
    sender: str
    sender_name: str
    reply_to: str
    subject: str
    html: str
    text: str
    unsubscribe_url: str | None
    unsubscribe_mailto: str
    attachments: tuple[Attachment, ...] = ()
    cc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """One SMS. `sender` is an E.164 number or a Messaging Service (MG…); `validity` is in seconds.

    `reference` is a short code that stands in `body` and in no other message's.
    """

    attempt_id: str
    reference: str
    to: str
    sender: str
    body: str
    validity: int


@dataclass(frozen=True, slots=True)
class WhatsAppText:
    """Free text to an E.164 number that wrote to us within the last 24 hours; `reference` stands in `body`."""

    attempt_id: str
    reference: str
    to: str
    sender: str
    body: str


@dataclass(frozen=True, slots=True)
class WhatsAppMessage:
    """One approved template (`content_sid`, HX…) with its variables, to an E.164 number.

    `reference` is a short code that stands in one of the variables and in no other message's.
    """

    attempt_id: str
    reference: str
    to: str
    sender: str
    content_sid: str
    variables: dict[str, str]
