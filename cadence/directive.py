"""What a workflow is told: the next item and its instant, that the invoice is closed, or when to deliver again.

Types only. Workflows import this module, so it pulls in nothing but the standard library and pydantic.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class ItemKind(StrEnum):
    """What an agenda item does; each is performed by the activity of the same name."""

    SEND_EMAIL = "send_email"
    SEND_SMS = "send_sms"
    SEND_WHATSAPP = "send_whatsapp"
    OPEN_CASE = "open_case"
    CHECK_PROMISE = "check_promise"
    CHECK_DISPUTE = "check_dispute"
    CHECK_INSTALMENT = "check_instalment"
    ASK_APPROVAL = "ask_approval"
    REMIND_APPROVAL = "remind_approval"
    TIME_OUT_APPROVAL = "time_out_approval"
    END_HOLD = "end_hold"
    RECONCILE_MESSAGE = "reconcile_message"
    HAND_OVER = "hand_over"
    WRITE_OFF = "write_off"


class Item(BaseModel):
    """One agenda item: `key` names it within its invoice, `at` is an aware instant.

    An item deferred to a later instant keeps its key; key and instant together identify one performance.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    kind: ItemKind
    at: datetime


class Directive(BaseModel):
    """The ledger's word to one workflow. A higher version replaces a lower one, whatever came first."""

    model_config = ConfigDict(frozen=True)

    invoice_id: int
    version: int = 0
    state: str = "scheduled"
    item: Item | None = None
    closed: bool = False

    def shifted(self, by: timedelta) -> "Directive":
        """Move the instant by a constant; a rehearsal plays past or future dates on today's server clock."""
        if self.item is None or not by:
            return self
        return self.model_copy(update={"item": self.item.model_copy(update={"at": self.item.at + by})})


class ItemOrder(BaseModel):
    """What an activity is asked to perform."""

    model_config = ConfigDict(frozen=True)

    invoice_id: int
    key: str
    at: datetime


class InvoiceStart(BaseModel):
    """The input of an invoice's workflow, and what travels through continue-as-new.

    `performed` is the item done last, so that an equal directive is not performed again.
    """

    directive: Directive
    performed: Item | None = None
    inbox: list["SignalNote"] = []


class SignalNote(BaseModel):
    """A typed signal as the workflow noted it: its name, an id for de-duplication, codes and numbers only."""

    name: str
    id: str
    at: datetime
    fields: dict[str, str] = {}


class RecordOrder(BaseModel):
    """Signals to be recorded in the ledger, in the order in which they came."""

    invoice_id: int
    notes: list[SignalNote]


class EndpointStart(BaseModel):
    """The input of an endpoint's workflow, and what travels through continue-as-new.

    `told` is that something waits to be looked at; `next_at` the instant at which to look anyway.
    """

    endpoint_id: int
    told: bool = True
    next_at: datetime | None = None


class Deliveries(BaseModel):
    """What became of a batch of an endpoint's deliveries, and when the next is due: None where none is."""

    delivered: int = 0
    failed: int = 0
    next_at: datetime | None = None


InvoiceStart.model_rebuild()
