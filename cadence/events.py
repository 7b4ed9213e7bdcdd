"""Events: the facts that happen to an invoice or to a customer, in the past tense, as the log keeps them.

They hold codes, numbers, dates and our own ids; names, addresses and free text stay in the ledger's tables.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cadence.document import Weekday
from cadence.words import (
    Channel,
    ChannelReason,
    Currency,
    DayHours,
    Intent,
    Language,
    Money,
    PersonReason,
    Slug,
)


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InvoiceReceived(_Event):
    """The invoice arrived. `close_below` is the creditor's tolerance for its currency on that day."""

    type: Literal["invoice_received"] = "invoice_received"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    issued_on: date
    due_on: date
    payment_method: str = ""
    stage: str | None = None
    close_below: Money = Decimal(0)


class InvoiceChanged(_Event):
    """The creditor changed the invoice; `on` is the day it was told, in the creditor's zone."""

    type: Literal["invoice_changed"] = "invoice_changed"
    amount: Annotated[Money, Field(gt=0)]
    due_on: date
    payment_method: str = ""
    on: date


class PaymentReceived(_Event):
    type: Literal["payment_received"] = "payment_received"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    method: str = ""


class PaymentUnidentified(_Event):
    """Money was announced without an id, amount or the invoice's currency: reminders stop, a person looks."""

    type: Literal["payment_unidentified"] = "payment_unidentified"


class PaymentReversed(_Event):
    type: Literal["payment_reversed"] = "payment_reversed"
    amount: Annotated[Money, Field(gt=0)]
    currency: Currency


class DisputeOpened(_Event):
    """The customer disagrees; where that was only read from a reply, a person has yet to confirm it."""

    type: Literal["dispute_opened"] = "dispute_opened"
    reason: Slug = "unspecified"
    confirmed: bool = True


class DisputeResolved(_Event):
    type: Literal["dispute_resolved"] = "dispute_resolved"
    outcome: Literal["upheld", "rejected", "withdrawn"]


class HoldPlaced(_Event):
    """Reminders pause until `until`, or until somebody resumes; `hold` names it."""

    type: Literal["hold_placed"] = "hold_placed"
    hold: str
    reason: Slug = "unspecified"
    until: datetime | None = None


class HoldEnded(_Event):
    """The hold named ended, or all of them where none is named."""

    type: Literal["hold_ended"] = "hold_ended"
    hold: str | None = None


class PromiseMade(_Event):
    """The customer promised to pay `amount` by the end of the day `by`, where the customer is."""

    type: Literal["promise_made"] = "promise_made"
    amount: Annotated[Money, Field(gt=0)]
    by: Annotated[date, Field(lt=date(2100, 1, 1))]


class PromiseBroken(_Event):
    type: Literal["promise_broken"] = "promise_broken"


class Escalated(_Event):
    """Somebody moved the invoice to a later stage, the next one where none is named."""

    type: Literal["escalated"] = "escalated"
    stage: str


class Cancelled(_Event):
    type: Literal["cancelled"] = "cancelled"
    reason: Slug = "unspecified"


class Replied(_Event):
    """The customer wrote back; the text is in the ledger's replies."""

    type: Literal["replied"] = "replied"
    channel: Channel
    intent: Intent = "other"


class AnswerWritten(_Event):
    """An agent answered the customer; the text is in the ledger's answers, under the invoice and `number`."""

    type: Literal["answer_written"] = "answer_written"
    number: Annotated[int, Field(ge=1)]
    channel: Channel


class SignalIgnored(_Event):
    """A signal that nobody could make sense of; `signal` is its name. It changes nothing."""

    type: Literal["signal_ignored"] = "signal_ignored"
    signal: Slug


class _StepEvent(_Event):
    step: str
    occurrence: int = 1


class StepSkipped(_StepEvent):
    type: Literal["step_skipped"] = "step_skipped"
    reason: str
    planned_at: datetime


class StepDeferred(_StepEvent):
    type: Literal["step_deferred"] = "step_deferred"
    reason: str
    until: datetime


class DeferralLifted(_Event):
    """What a halt had deferred may go on."""

    type: Literal["deferral_lifted"] = "deferral_lifted"


class StepPerformed(_StepEvent):
    """A step that is no message was done; `closes_as` where it ended the invoice, `case` where it opened one."""

    type: Literal["step_performed"] = "step_performed"
    closes_as: Literal["written_off", "handed_over"] | None = None
    queue: str | None = None
    reason: str = "performed"


class StepFailed(_StepEvent):
    """No channel is left for this step; a person takes over."""

    type: Literal["step_failed"] = "step_failed"
    reason: str
    planned_at: datetime


class _MessageEvent(_StepEvent):
    channel: Channel


class MessagePermitted(_MessageEvent):
    """The ledger gave leave for one attempt."""

    type: Literal["message_permitted"] = "message_permitted"
    attempt: str


class MessageRefused(_MessageEvent):
    """The provider did not take it, surely; it may be tried again."""

    type: Literal["message_refused"] = "message_refused"
    code: str | None = None
    error_class: str | None = None


class MessageAccepted(_MessageEvent):
    type: Literal["message_accepted"] = "message_accepted"


class MessageRejected(_MessageEvent):
    type: Literal["message_rejected"] = "message_rejected"
    code: str | None = None
    error_class: str = "unclassified"


class MessageUnknown(_MessageEvent):
    """Nobody can tell whether the provider took it."""

    type: Literal["message_unknown"] = "message_unknown"


class MessageNotFound(_MessageEvent):
    """The provider's list was read and does not hold the message."""

    type: Literal["message_not_found"] = "message_not_found"


class MessageGivenUp(_MessageEvent):
    """The fate of the message stays unknown; a person takes over."""

    type: Literal["message_given_up"] = "message_given_up"


class DeliveryReported(_MessageEvent):
    type: Literal["delivery_reported"] = "delivery_reported"
    delivery: Literal["queued", "sent", "delivered", "failed", "read"]
    code: str | None = None
    error_class: str | None = None


class CustomerReceived(_Event):
    """The customer as the creditor's files give it. Addresses are fingerprints, never the addresses."""

    type: Literal["customer_received"] = "customer_received"
    segment: Slug
    language: Language
    country: str
    subdivision: str | None = None
    zone: str
    addresses: dict[Channel, str] = {}


class ChannelSuppressed(_Event):
    """The customer is not to be reached by this channel: for good, or (`address`) at that address only."""

    type: Literal["channel_suppressed"] = "channel_suppressed"
    channel: Channel
    reason: ChannelReason
    address: str | None = None


class SuppressionLifted(_Event):
    """A channel may be used again, which was not for `reason`: by the customer's own word, or a person's."""

    type: Literal["suppression_lifted"] = "suppression_lifted"
    channel: Channel
    reason: ChannelReason


class ContactForbidden(_Event):
    """The customer is not to be contacted by any channel, with reminders and notices alike; people take over."""

    type: Literal["contact_forbidden"] = "contact_forbidden"
    reason: PersonReason


class ContactAllowed(_Event):
    """What forbade all contact is over; a person says so."""

    type: Literal["contact_allowed"] = "contact_allowed"
    reason: PersonReason


class ConsentGiven(_Event):
    """The customer agreed to be reached by a channel, under a version of the `wording`, at `proof_at`."""

    type: Literal["consent_given"] = "consent_given"
    channel: Channel
    wording: Slug
    proof_at: datetime


class PreferenceStated(_Event):
    """How the customer wants to be reached, by their own clock; None is any, and all None takes the wish back."""

    type: Literal["preference_stated"] = "preference_stated"
    channels: tuple[Channel, ...] | None = None
    hours: DayHours | None = None
    days: tuple[Weekday, ...] | None = None


class CustomerHoldPlaced(_Event):
    type: Literal["customer_hold_placed"] = "customer_hold_placed"
    hold: str
    reason: Slug = "unspecified"
    until: datetime | None = None


class CustomerHoldEnded(_Event):
    type: Literal["customer_hold_ended"] = "customer_hold_ended"
    hold: str | None = None


InvoiceEvent = (
    InvoiceReceived
    | InvoiceChanged
    | PaymentReceived
    | PaymentUnidentified
    | PaymentReversed
    | DisputeOpened
    | DisputeResolved
    | HoldPlaced
    | HoldEnded
    | PromiseMade
    | PromiseBroken
    | Escalated
    | Cancelled
    | Replied
    | AnswerWritten
    | SignalIgnored
    | StepSkipped
    | StepDeferred
    | DeferralLifted
    | StepPerformed
    | StepFailed
    | MessagePermitted
    | MessageRefused
    | MessageAccepted
    | MessageRejected
    | MessageUnknown
    | MessageNotFound
    | MessageGivenUp
    | DeliveryReported
)
CustomerEvent = (
    CustomerReceived
    | ChannelSuppressed
    | SuppressionLifted
    | ContactForbidden
    | ContactAllowed
    | ConsentGiven
    | PreferenceStated
    | CustomerHoldPlaced
    | CustomerHoldEnded
)
MessageEvent = (
    MessagePermitted
    | MessageRefused
    | MessageAccepted
    | MessageRejected
    | MessageUnknown
    | MessageNotFound
    | MessageGivenUp
    | DeliveryReported
)
Event = InvoiceEvent | CustomerEvent

INVOICE_EVENT: TypeAdapter[InvoiceEvent] = TypeAdapter(Annotated[InvoiceEvent, Field(discriminator="type")])
CUSTOMER_EVENT: TypeAdapter[CustomerEvent] = TypeAdapter(
    Annotated[CustomerEvent, Field(discriminator="type")]
)
