"""The creditor's own document: who writes to customers, and how they pay, disagree and stop."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from cadence.words import Channel, Currency, Debtor, Language, Line, Money, Party, Slug


class Document(BaseModel):
    """A part of a file that people write: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# The database is a folder of files: it is read once.
_zones = lru_cache(maxsize=1)(available_timezones)


def _known_zone(name: str) -> str:
    if name not in _zones():
        message = f"{name!r} is not a zone of the IANA database; an example is America/Sao_Paulo"
        raise ValueError(message)
    return name


def _safe_pay_url(template: str) -> str:
    parts = urlsplit(template)
    if parts.scheme != "https" or not parts.netloc or template.count("{reference}") != 1:
        message = "a payment link starts with https:// and holds {reference} exactly once"
        raise ValueError(message)
    return template


def _only_reference(line: str) -> str:
    if "{" in line.replace(REFERENCE, "") or "}" in line.replace(REFERENCE, ""):
        message = (
            "how to pay may hold {reference}, the invoice's creditor reference, and no other { or }; "
            "write anything else out"
        )
        raise ValueError(message)
    return line


def _fits_an_sms(short: str) -> str:
    longest = short.replace(REFERENCE, "R" * LONGEST_CREDITOR_REFERENCE)
    if len(longest) > SHORT_LENGTH:
        held = f" with a reference of {LONGEST_CREDITOR_REFERENCE}" if REFERENCE in short else ""
        message = f"the text has {len(longest)} characters{held}; {SHORT_LENGTH} fit"
        raise ValueError(message)
    return short


# What payment instructions write where the invoice's creditor reference goes, and how long one can be (ISO 11649).
REFERENCE = "{reference}"
LONGEST_CREDITOR_REFERENCE = 25
SHORT_LENGTH = 40
PaymentLine = Annotated[Line, AfterValidator(_only_reference)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Email = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+$", max_length=254)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9]\d{6,14}$")]
ContentSid = Annotated[str, StringConstraints(pattern=r"^HX[0-9a-f]{32}$")]
Alternatives = dict[Language, Line]


class EmailSender(Document):
    sender: Email
    sender_name: Annotated[Line, Field(max_length=60)]
    reply_to: Email


class SmsSender(Document):
    sender: Annotated[str, StringConstraints(pattern=r"^(\+[1-9]\d{6,14}|MG[0-9a-f]{32})$")]
    """A number in E.164, or a Twilio Messaging Service (`MG...`)."""


class Attestation(Document):
    """The creditor's word that WhatsApp reaches its own customers about its own invoices only."""

    first_party: bool
    by: Line
    on: date


class WhatsAppSender(Document):
    sender: Phone
    attestation: Attestation | None = None
    content: dict[str, dict[Language, ContentSid]] = Field(default_factory=dict)
    """Approved content template by template name and language."""


class Payment(Document):
    """How to pay in one currency: full lines by language, and one short text that fits an SMS.

    In both, `{reference}` stands for the invoice's creditor reference (ISO 11649), by which the money is matched.
    """

    instructions: dict[Language, Annotated[list[PaymentLine], Field(min_length=1, max_length=6)]]
    short: Annotated[PaymentLine, AfterValidator(_fits_an_sms)]

    @property
    def quotes_reference(self) -> bool:
        """Whether customers are asked to quote the invoice's creditor reference."""
        return any(REFERENCE in line for lines in self.instructions.values() for line in (*lines, self.short))

    def lines(self, language: str, reference: str) -> list[str]:
        """Payment instructions in `language`, in English or any other where the creditor wrote none."""
        written = self.instructions
        lines = written.get(Language(language)) or written.get(Language.EN) or next(iter(written.values()))
        return [line.replace(REFERENCE, reference) for line in lines]

    def short_line(self, reference: str) -> str:
        """The one short text, of at most 40 characters."""
        return self.short.replace(REFERENCE, reference)


class LateInterest(Document):
    """By which regime (`policies/interest/`) late interest is shown, by what the customer is; none where left out."""

    business: Slug | None = None
    consumer: Slug | None = None

    def regime_for(self, debtor: Debtor) -> str | None:
        """The name of the regime against such a debtor."""
        return self.business if debtor == "business" else self.consumer


class Creditor(Document):
    """The company that is owed, as `creditor.yaml` states it."""

    legal_name: Annotated[Line, Field(max_length=60)]
    short_name: Annotated[Line, Field(max_length=20)]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    zone: Zone
    phone: Annotated[Line, Field(max_length=20)]
    email: EmailSender
    sms: SmsSender
    whatsapp: WhatsAppSender | None = None
    party: Party = "first"
    """`first` collects what is owed to itself; other contact rules bind a third party."""
    dispute_contact: Annotated[Line, Field(max_length=120)]
    opt_out: dict[Language, dict[Channel, Line]]
    payment: Annotated[dict[Currency, Payment], Field(min_length=1)]
    close_below: dict[Currency, Annotated[Money, Field(ge=0)]] = Field(default_factory=dict)
    """An open balance of at most this much closes the invoice as paid."""
    paid_claim_hold_business_days: Annotated[int, Field(ge=1, le=30)] = 3
    """How long reminders wait for the money of a customer who writes that it is paid."""
    interest: LateInterest = LateInterest()
    """Shown when asked for; nothing is added to a balance or to a message."""
    pay_url_template: Annotated[str | None, Field(alias="pay_url", default=None)] = None

    def model_post_init(self, _context: Any) -> None:
        """Check what spans fields: every language can be told how to stop, the payment link is sound."""
        missing = [
            f"{lang}/{ch}" for lang in Language for ch in Channel if ch not in self.opt_out.get(lang, {})
        ]
        if missing:
            message = f"opt_out lacks a line for {', '.join(missing)}; a customer must be told how to stop"
            raise ValueError(message)
        # What an SMS of two segments and a WhatsApp template have room for.
        longest = {Channel.SMS: 40, Channel.WHATSAPP: 120, Channel.EMAIL: 300}
        for lang, lines in self.opt_out.items():
            for channel, line in lines.items():
                if len(line) > longest[channel]:
                    message = (
                        f"opt_out for {lang}/{channel} has {len(line)} characters; {longest[channel]} fit"
                    )
                    raise ValueError(message)
        if self.pay_url_template is not None:
            _safe_pay_url(self.pay_url_template)

    @property
    def timezone(self) -> ZoneInfo:
        """Where due dates are read."""
        return ZoneInfo(self.zone)

    @property
    def uses_whatsapp(self) -> bool:
        """Whether the creditor attested first-party use; the channel is off without it."""
        attestation = self.whatsapp.attestation if self.whatsapp else None
        return attestation is not None and attestation.first_party

    def opt_out_line(self, language: str, channel: str) -> str:
        """How the customer stops messages on this channel, in the customer's language."""
        return self.opt_out[Language(language)][Channel(channel)]

    def pay_url(self, reference: str) -> str | None:
        """The payment link of the message `reference`, where the creditor has one."""
        return self.pay_url_template.format(reference=reference) if self.pay_url_template else None

    def phone_of(self, channel: Channel) -> str:
        """The number that customers answer to on a phone channel."""
        if channel is Channel.WHATSAPP and self.whatsapp:
            return self.whatsapp.sender
        return self.sms.sender

    def payment_in(self, currency: str) -> Payment | None:
        """How to pay in `currency`; None where the creditor takes no such money."""
        return self.payment.get(currency)
