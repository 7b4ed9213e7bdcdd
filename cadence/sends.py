"""What a message of a cadence is: its template, its channels in order, and when the next takes over."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    WithJsonSchema,
    model_validator,
)

from cadence.creditor import Document
from cadence.spans import Span
from cadence.words import BILLING, Channel, Slug


class Fallback(Document):
    """When a step goes on to its next channel: at a failure, or when no delivery was reported for `silence`."""

    silence: Span | None = None

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read `failure` or `silence 4h`."""
        if value == "failure":
            return {}
        if isinstance(value, str) and value.startswith("silence "):
            return {"silence": value.removeprefix("silence ").strip()}
        if isinstance(value, str):
            message = f"{value!r} is no fallback rule; write failure or 'silence 4h'"
            raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError with the field's place
        return value


WrittenFallback = Annotated[
    Fallback,
    WithJsonSchema({"type": "string", "pattern": r"^(failure|silence \d{1,3}[hdw])$", "default": "failure"}),
]


# A WhatsApp block gives no error and a message may stay `sent` for weeks (Twilio note on 63033): silence decides.
DEFAULT_FALLBACK = {Channel.WHATSAPP: Fallback(silence=timedelta(hours=4))}


class Send(Document):
    """Send one template by the first channel that reaches the customer, in the order given.

    It goes to the contact of the role `to`, and an e-mail also to those of the roles in `cc`. `attach: statement` adds
    the customer's whole account as a PDF.
    """

    template: Slug
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    fallback: dict[Channel, WrittenFallback] = Field(default_factory=dict)
    attach: Literal["statement"] | None = None
    to: Slug = BILLING
    cc: tuple[Slug, ...] = ()

    @model_validator(mode="after")
    def _only_an_email_has_room(self) -> Self:
        if self.attach and self.channels != (Channel.EMAIL,):
            message = "a statement is attached to an e-mail; write channels: [email] beside attach"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _only_an_email_has_copies(self) -> Self:
        if self.cc and self.channels != (Channel.EMAIL,):
            message = "only an e-mail can go to others in copy; write channels: [email] beside cc"
            raise ValueError(message)
        if len({self.to, *self.cc}) <= len(self.cc):
            message = "a role is named twice; the contact of each gets the message once"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _channels_make_sense(self) -> Self:
        if len(set(self.channels)) < len(self.channels):
            message = "a channel is named twice; a step goes by each channel once at most"
            raise ValueError(message)
        if stray := set(self.fallback) - set(self.channels):
            message = f"fallback speaks of {', '.join(sorted(stray))}, which the step does not use"
            raise ValueError(message)
        return self

    def silence(self, channel: Channel) -> timedelta | None:
        """How long an accepted message may stay unconfirmed before the next channel; None means for ever."""
        rule = self.fallback.get(channel) or DEFAULT_FALLBACK.get(channel)
        return rule.silence if rule else None


class Answering(Send):
    """An agent's own words; to the `address`, a fingerprint, that a contact wrote from, else to the billing contact."""

    address: str | None = None
