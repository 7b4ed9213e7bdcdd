"""The generic payment webhook: what a bank or a shop posts to /payments, signed as a Standard Webhook."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator
from typing_extensions import override

from channels.rails.bodies import (
    MINOR_UNITS,
    Amount,
    Body,
    Instant,
    Line,
    json_object,
    json_text,
    named,
    of_kind,
    plain,
    read_as,
)
from channels.rails.money import Entry, MalformedWebhook, MoneyNote, Rail, Reference
from channels.rails.signing import accept_only, any_equal, fresh, header, mac, octets, seconds

# Clocks differ by minutes; a day ahead is a mistake.
FUTURE = timedelta(days=1)
# As many as a payment by hand may name.
MOST_INVOICES = 500
Name = Annotated[Line, StringConstraints(max_length=60)]


def _known(currency: str) -> str:
    if currency not in MINOR_UNITS:
        known = ", ".join(sorted(MINOR_UNITS))
        raise ValueError(f"{currency!r} is not a currency Régua writes in; it knows {known}")
    return currency


class Payer(Body):
    """Who paid, as the sender's bank names them."""

    name: Annotated[str, Field(max_length=500)] | None = None


class ShareNote(Body):
    """What of a payment its payer meant for one invoice, by the creditor's own number."""

    invoice: Name
    amount: Amount


class PaymentNote(Body):
    """The body: `amount` as decimal text, `currency` ISO 4217, `paid_at` an instant with its offset.

    `invoice` is the creditor's own number, `invoices` those of several of one customer, `shares` the same with what
    is for each, `customer` the creditor's own key of who paid for whatever they owe; `reference` what the payer
    quoted, of whatever kind, "" where they quoted nothing: one of these must be there. `method` is a code such as
    `pix`.
    """

    id: Line
    amount: Amount
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known)]
    paid_at: Instant
    invoice: Name | None = None
    invoices: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MOST_INVOICES)] | None = None
    shares: Annotated[tuple[ShareNote, ...], Field(min_length=1, max_length=MOST_INVOICES)] | None = None
    customer: Name | None = None
    reference: Annotated[str, Field(max_length=500)] | None = None
    method: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{0,40}$")] = ""
    payer: Payer | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        digits = MINOR_UNITS[self.currency]
        if self.amount != round(self.amount, digits):
            raise ValueError(f"amount: {self.currency} has {digits} decimals at most")
        ways = (self.invoice, self.invoices, self.shares, self.customer, self.reference)
        if all(each is None for each in ways):
            raise ValueError(
                'invoice: name the invoice that is paid, "invoices" or their "shares", the "customer" who paid, or '
                'give the payer\'s "reference" ("" for none)'
            )
        return self

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        """Each invoice has one share, exact in the currency, and all of them are within the amount."""
        if self.shares is None:
            return self
        if self.invoice is not None or self.invoices is not None:
            raise ValueError('shares: they name the invoices; leave "invoice" and "invoices" out')
        if len({share.invoice for share in self.shares}) < len(self.shares):
            raise ValueError("shares: an invoice is named twice; add its sums up")
        digits = MINOR_UNITS[self.currency]
        if any(share.amount != round(share.amount, digits) for share in self.shares):
            raise ValueError(f"shares: {self.currency} has {digits} decimals at most")
        if sum(share.amount for share in self.shares) > self.amount:
            raise ValueError("shares: they come to more than the amount; they are the same or less")
        return self

    @property
    def money(self) -> MoneyNote:
        """The payment in the rails' vocabulary."""
        return MoneyNote(
            kind="payment",
            id=self.id,
            amount=self.amount,
            currency=self.currency,
            at=self.paid_at,
            method=self.method,
            references=self._references(),
            payer=plain(self.payer.name) if self.payer else None,
            shares=tuple((share.invoice, share.amount) for share in self.shares or ()),
        )

    def _references(self) -> tuple[Reference, ...]:
        numbers = (self.invoice, *(self.invoices or ()), *(share.invoice for share in self.shares or ()))
        told = [reference for number in numbers for reference in of_kind("invoice", number)]
        return (*dict.fromkeys(told), *of_kind("customer", self.customer), *named(self.reference))


def read_payment(body: Mapping[str, object], now: datetime) -> PaymentNote:
    """Read a verified body; raises `MalformedWebhook` with a sentence for the first field that is wrong."""
    payment = read_as(PaymentNote, body)
    if payment.paid_at > now + FUTURE:
        raise MalformedWebhook("paid_at: this instant lies in the future; check the sender's clock")
    return payment


class GenericRail(Rail):
    """Standard Webhooks (HMAC-SHA256 over id.timestamp.body, five minutes); `secret` is whsec_ and base64.

    The inbox's key is `webhook-id`, which is the same in each repetition; the payment's is the body's `id`,
    so that a payment that is told again as another webhook counts once. The sender's word is all there is:
    nothing can be asked.
    """

    source = "payment"
    answer_status = 202

    def __init__(self, secret: SecretStr) -> None:
        self._key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))

    @override
    def verify(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
        identity, stamp = header(headers, "webhook-id"), header(headers, "webhook-timestamp")
        expected = base64.b64encode(mac(self._key, octets(identity), b".", octets(stamp), b".", raw))
        words = header(headers, "webhook-signature").split(" ")
        offered = [word.removeprefix("v1,") for word in words if word.startswith("v1,")]
        signed, recent = any_equal([expected], offered), fresh(seconds(stamp), now.timestamp())
        accept_only(signed and bool(identity) and recent)

    @override
    def entries(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> list[Entry]:
        identity = plain(header(headers, "webhook-id"))
        if identity is None:
            raise MalformedWebhook("the header webhook-id is empty")
        body = json_object(raw)
        # Read to its end already here, so that its sender hears what is wrong.
        # The signed timestamp is at most five minutes from now, which is near enough to tell the future.
        stamp = seconds(header(headers, "webhook-timestamp"))
        read_payment(body, datetime.fromtimestamp(stamp, UTC))
        return [Entry(identity, json_text(body))]

    @override
    async def read(self, body: str) -> list[MoneyNote]:
        return [read_as(PaymentNote, json_object(body)).money]
