"""What became of a message at the provider."""

from typing import Literal

from pydantic import Field

from cadence.events.base import Fact, OfMessage
from cadence.words import Slug


class WrittenTo(Fact):
    """One address of a message, as a fingerprint, and the role of the contact whose it is."""

    role: Slug
    address: str


class MessagePermitted(OfMessage):
    """The ledger gave leave for one attempt: to the first of `recipients`, and to all others in copy.

    `left_out` says of each role that the document names beside them why it is not written to (a code).
    """

    type: Literal["message_permitted"] = "message_permitted"
    attempt: str
    recipients: tuple[WrittenTo, ...] = ()
    left_out: dict[Slug, str] = Field(default_factory=dict)


class MessageRefused(OfMessage):
    """The provider did not take it, surely; it may be tried again."""

    type: Literal["message_refused"] = "message_refused"
    code: str | None = None
    error_class: str | None = None


class MessageAccepted(OfMessage):
    type: Literal["message_accepted"] = "message_accepted"


class MessageRejected(OfMessage):
    type: Literal["message_rejected"] = "message_rejected"
    code: str | None = None
    error_class: str = "unclassified"


class MessageUnknown(OfMessage):
    """Nobody can tell whether the provider took it."""

    type: Literal["message_unknown"] = "message_unknown"


class MessageNotFound(OfMessage):
    """The provider's list was read and does not hold the message."""

    type: Literal["message_not_found"] = "message_not_found"


class MessageGivenUp(OfMessage):
    """The fate of the message stays unknown; a person takes over."""

    type: Literal["message_given_up"] = "message_given_up"


class MessageSentTwice(OfMessage):
    """The provider took it twice: it was sent again after its list was twice read without it, and had it after all."""

    type: Literal["message_sent_twice"] = "message_sent_twice"


class DeliveryReported(OfMessage):
    type: Literal["delivery_reported"] = "delivery_reported"
    delivery: Literal["queued", "sent", "delivered", "failed", "read"]
    code: str | None = None
    error_class: str | None = None
