"""A worker in miniature: it performs what is due of some invoices, as the activities do, at a provider that may fail."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import get_args

from cadence.directive import ItemKind, ItemOrder
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.performing import LostMessage, lost_message, perform, settle_lost
from ledger.sending import Permit, begin, conclude, permit
from tests.unit.cadence.game import REACHED, Fate

SENDS = (ItemKind.SEND_EMAIL, ItemKind.SEND_SMS, ItemKind.SEND_WHATSAPP)
LETTER = {"subject": "A reminder", "html": "<p>Please pay.</p>", "body": "Please pay."}
FATES: Sequence[Fate] = (*get_args(Fate), "accepted", "accepted", "accepted")
# More than any invoice can have to be done at one instant.
MOST = 40


@dataclass
class Provider:
    """What was truly taken, by the attempt's id and by the message's reference; and all that was ever permitted."""

    taken: list[Permit] = field(default_factory=list)

    def accepted(self) -> list[tuple[str, str, str, object]]:
        """Its own list, as `check_invariants` takes it."""
        return [(str(each.channel), each.attempt_id, each.address, None) for each in self.taken]

    def found(self, reference: str) -> str | None:
        """Its id of the message with this reference, where it took it."""
        times = Counter(each.reference for each in self.taken)
        return f"SM-{reference}" if times[reference] else None


@dataclass
class Worker:
    """One worker process: a ledger with connections of its own, and a clock that may be behind by `lag`."""

    ledger: Ledger
    provider: Provider
    chance: Random
    lag: timedelta = timedelta(0)

    async def perform_all(self, ids: Sequence[int], now: datetime, fates: Sequence[Fate] = FATES) -> None:
        """Perform what is due of each of these invoices at the aware instant `now`, until nothing is."""
        for invoice_id in ids:
            for _ in range(MOST):
                if not await self._perform(invoice_id, now - self.lag, fates):
                    break
            else:
                message = f"invoice {invoice_id} spins on {await self.ledger.directive(invoice_id)}"
                raise AssertionError(message)

    async def _perform(self, invoice_id: int, now: datetime, fates: Sequence[Fate]) -> bool:
        item = (await self.ledger.directive(invoice_id)).item
        if item is None or item.at > now:
            return False
        order = ItemOrder(invoice_id=invoice_id, key=item.key, at=item.at)
        if item.kind in SENDS:
            await self._send(order, now, fates)
        elif item.kind is ItemKind.RECONCILE_MESSAGE:
            await self._reconcile(order, now)
        else:
            await perform(self.ledger, order, now)
        return True

    async def _send(self, order: ItemOrder, now: datetime, fates: Sequence[Fate]) -> None:
        leave, fate = await permit(self.ledger, order, now), self.chance.choice(fates)
        if leave.permit is None or fate == "never_asked":
            return
        granted = leave.permit
        if not await begin(self.ledger, granted.attempt_id, address=granted.address, now=now, **LETTER):
            return
        if fate in REACHED and (fate == "accepted" or self.chance.random() < 0.5):
            self.provider.taken.append(granted)
        if fate != "died":
            error = "bad_address" if fate == "rejected" and self.chance.random() < 0.2 else None
            await conclude(self.ledger, granted, Result(state=fate, error_class=error), now)
        # A provider that refused is asked again later, not in this round.

    async def _reconcile(self, order: ItemOrder, now: datetime) -> None:
        lost = await lost_message(self.ledger, order, now)
        if isinstance(lost, LostMessage):
            await settle_lost(self.ledger, order, lost, self.provider.found(lost.reference), now)
