"""The agenda: the dated items an invoice has ahead, each explained, and what planning settled for good."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from cadence.directive import Item, ItemKind
from cadence.sends import Send
from cadence.words import Channel

SEND_KIND = {
    Channel.EMAIL: ItemKind.SEND_EMAIL,
    Channel.SMS: ItemKind.SEND_SMS,
    Channel.WHATSAPP: ItemKind.SEND_WHATSAPP,
}


class AgendaItem(NamedTuple):
    """One item: when (aware instant), what, for which step, and why then (a code).

    `send` is the document's own word on the message; `hold` names the hold that ends, `number` what is judged.
    """

    key: str
    kind: ItemKind
    at: datetime
    why: str
    step: str | None = None
    occurrence: int = 1
    channel: Channel | None = None
    send: Send | None = None
    notice: bool = False
    hold: str | None = None
    number: int = 0

    def told(self) -> Item:
        """What the workflow is told of it."""
        return Item(key=self.key, kind=self.kind, at=self.at)


@dataclass(frozen=True, slots=True)
class Settled:
    """A step that planning found to be over, to be written into the log in the same transaction."""

    step: str
    occurrence: int
    outcome: Literal["skipped", "failed"]
    reason: str
    planned_at: datetime


@dataclass(frozen=True, slots=True)
class Agenda:
    """Items in the order in which they are performed, and what is settled now."""

    items: tuple[AgendaItem, ...] = ()
    settled: tuple[Settled, ...] = ()

    @property
    def next(self) -> AgendaItem | None:
        """The item that the workflow waits for."""
        return self.items[0] if self.items else None
