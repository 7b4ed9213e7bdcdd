"""Events: the facts that happen to an invoice or to a customer, in the past tense, as the log keeps them.

They hold codes, numbers, dates and our own ids; names, addresses and free text stay in the ledger's tables.
"""

from typing import Annotated

from pydantic import Field, TypeAdapter

from cadence.events.approvals import (
    ApprovalAsked,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalReminded,
    ApprovalTimedOut,
)
from cadence.events.cadences import CadenceChanged
from cadence.events.charges import LateChargesClaimed, LateChargesWaived
from cadence.events.conversation import AnswerWritten, Replied
from cadence.events.customers import (
    ChannelSuppressed,
    ConsentGiven,
    ContactAllowed,
    ContactForbidden,
    ContactReceived,
    CustomerAbsorbed,
    CustomerMerged,
    CustomerReceived,
    PreferenceStated,
    SegmentAssigned,
    SuppressionLifted,
)
from cadence.events.disputes import DisputeAssigned, DisputeOpened, DisputeOverdue, DisputeResolved
from cadence.events.holds import CustomerHoldEnded, CustomerHoldPlaced, HoldEnded, HoldPlaced
from cadence.events.lifecycle import (
    Cancelled,
    DueDateExtended,
    Escalated,
    InvoiceChanged,
    InvoiceMoved,
    InvoiceReceived,
    SignalIgnored,
)
from cadence.events.messages import (
    DeliveryReported,
    MessageAccepted,
    MessageGivenUp,
    MessageNotFound,
    MessagePermitted,
    MessageRefused,
    MessageRejected,
    MessageSentTwice,
    MessageUnknown,
    WrittenTo,
)
from cadence.events.money import (
    CreditApplied,
    CreditMoved,
    CreditNoteIssued,
    CreditRefunded,
    PaymentReceived,
    PaymentReversed,
    PaymentUnidentified,
)
from cadence.events.plans import AgreedInstalment, InstalmentMissed, PlanAgreed, PlanEnded
from cadence.events.promises import PromiseBroken, PromiseMade
from cadence.events.steps import (
    DeferralLifted,
    StepDeferred,
    StepFailed,
    StepMerged,
    StepPerformed,
    StepReleased,
    StepSkipped,
)

__all__ = [
    "CUSTOMER_EVENT",
    "INVOICE_EVENT",
    "AgreedInstalment",
    "AnswerWritten",
    "ApprovalAsked",
    "ApprovalGiven",
    "ApprovalRefused",
    "ApprovalReminded",
    "ApprovalTimedOut",
    "CadenceChanged",
    "Cancelled",
    "ChannelSuppressed",
    "ConsentGiven",
    "ContactAllowed",
    "ContactForbidden",
    "ContactReceived",
    "CreditApplied",
    "CreditMoved",
    "CreditNoteIssued",
    "CreditRefunded",
    "CustomerAbsorbed",
    "CustomerEvent",
    "CustomerHoldEnded",
    "CustomerHoldPlaced",
    "CustomerMerged",
    "CustomerReceived",
    "DeferralLifted",
    "DeliveryReported",
    "DisputeAssigned",
    "DisputeOpened",
    "DisputeOverdue",
    "DisputeResolved",
    "DueDateExtended",
    "Escalated",
    "Event",
    "HoldEnded",
    "HoldPlaced",
    "InstalmentMissed",
    "InvoiceChanged",
    "InvoiceEvent",
    "InvoiceMoved",
    "InvoiceReceived",
    "LateChargesClaimed",
    "LateChargesWaived",
    "MessageAccepted",
    "MessageEvent",
    "MessageGivenUp",
    "MessageNotFound",
    "MessagePermitted",
    "MessageRefused",
    "MessageRejected",
    "MessageSentTwice",
    "MessageUnknown",
    "PaymentReceived",
    "PaymentReversed",
    "PaymentUnidentified",
    "PlanAgreed",
    "PlanEnded",
    "PreferenceStated",
    "PromiseBroken",
    "PromiseMade",
    "Replied",
    "SegmentAssigned",
    "SignalIgnored",
    "StepDeferred",
    "StepFailed",
    "StepMerged",
    "StepPerformed",
    "StepReleased",
    "StepSkipped",
    "SuppressionLifted",
    "WrittenTo",
]

MessageEvent = (
    MessagePermitted
    | MessageRefused
    | MessageAccepted
    | MessageRejected
    | MessageUnknown
    | MessageNotFound
    | MessageGivenUp
    | MessageSentTwice
    | DeliveryReported
)
InvoiceEvent = (
    InvoiceReceived
    | InvoiceChanged
    | InvoiceMoved
    | PaymentReceived
    | PaymentUnidentified
    | PaymentReversed
    | CreditNoteIssued
    | CreditMoved
    | CreditApplied
    | CreditRefunded
    | LateChargesClaimed
    | LateChargesWaived
    | DueDateExtended
    | DisputeOpened
    | DisputeAssigned
    | DisputeOverdue
    | DisputeResolved
    | HoldPlaced
    | HoldEnded
    | PromiseMade
    | PromiseBroken
    | PlanAgreed
    | InstalmentMissed
    | PlanEnded
    | Escalated
    | CadenceChanged
    | Cancelled
    | Replied
    | AnswerWritten
    | SignalIgnored
    | ApprovalAsked
    | ApprovalReminded
    | ApprovalGiven
    | ApprovalRefused
    | ApprovalTimedOut
    | StepSkipped
    | StepDeferred
    | DeferralLifted
    | StepMerged
    | StepReleased
    | StepPerformed
    | StepFailed
    | MessageEvent
)
CustomerEvent = (
    CustomerReceived
    | ContactReceived
    | CustomerMerged
    | CustomerAbsorbed
    | ChannelSuppressed
    | SuppressionLifted
    | ContactForbidden
    | ContactAllowed
    | ConsentGiven
    | PreferenceStated
    | SegmentAssigned
    | CustomerHoldPlaced
    | CustomerHoldEnded
)
Event = InvoiceEvent | CustomerEvent

INVOICE_EVENT: TypeAdapter[InvoiceEvent] = TypeAdapter(Annotated[InvoiceEvent, Field(discriminator="type")])
CUSTOMER_EVENT: TypeAdapter[CustomerEvent] = TypeAdapter(
    Annotated[CustomerEvent, Field(discriminator="type")]
)
