"""The ways in which a provider can be told to fail."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# At most one of these meets a request to send.
SENDING = frozenset({"refuse", "throttle", "reject", "error", "accept_then_error", "drop_response", "delay"})
# These meet a reading of Twilio's list.
LISTING = frozenset({"lagging_list", "unreadable_list"})


class Fault(BaseModel):
    """One thing that goes wrong, `count` times (null: until cleared), for one channel or address or for all.

    refuse: the connection is reset and nothing is kept. The request was read by then, so a careful sender must
        call it unknown; a port on which nobody listens is had by stopping the sandbox.
    throttle: 429, with `Retry-After: seconds`.
    reject: `status` (400), with Twilio's `code`.
    error: `status` (500), nothing is kept. accept_then_error: the same answer, but the message is kept and its
        receipts come.
    drop_response: the message is kept, and the connection reset before an answer.
    delay: the message is kept at once, and the answer comes after `seconds`.
    lagging_list: Twilio's list lacks what is younger than `seconds`. unreadable_list: it answers `status` (500).
    repeat_receipts: each receipt of a message comes `times` more. reverse_receipts: its last comes first.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal[
        "refuse",
        "throttle",
        "reject",
        "error",
        "accept_then_error",
        "drop_response",
        "delay",
        "lagging_list",
        "unreadable_list",
        "repeat_receipts",
        "reverse_receipts",
    ]
    channel: Literal["email", "sms", "whatsapp", "sendgrid", "twilio"] | None = None
    address: str | None = None
    count: int | None = Field(default=1, ge=1)
    status: int | None = Field(default=None, ge=400, le=599)
    code: int | None = None
    seconds: float = Field(default=1, ge=0)
    times: int = Field(default=1, ge=1)

    def meets(self, channel: str, address: str) -> bool:
        """Whether a message on `channel` to `address` runs into it."""
        provider = "sendgrid" if channel == "email" else "twilio"
        right_channel = self.channel in (None, channel, provider)
        return right_channel and (self.address is None or self.address.lower() == address.lower())


class Faults:
    """The faults in force, oldest first; they live in memory only and a restart clears them."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def take(self, kinds: frozenset[str], channel: str, address: str) -> Fault | None:
        """The first fault that meets this request, counted down; None if all goes well."""
        fault = next((f for f in self.active if f.kind in kinds and f.meets(channel, address)), None)
        if fault is not None and fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self.active.remove(fault)
        return fault
