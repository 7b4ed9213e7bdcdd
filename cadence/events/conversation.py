"""What the customer wrote, and what an agent answered."""

from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Channel, Intent


class Replied(Fact):
    """The customer wrote back; the text is in the ledger's replies."""

    type: Literal["replied"] = "replied"
    channel: Channel
    intent: Intent = "other"


class AnswerWritten(Fact):
    """An agent answered the customer; the text is in the ledger's answers, under the invoice and `number`.

    With `address`, a fingerprint, it goes there, where another contact wrote from; else to the billing contact.
    """

    type: Literal["answer_written"] = "answer_written"
    number: Annotated[int, Field(ge=1)]
    channel: Channel
    address: str | None = None
