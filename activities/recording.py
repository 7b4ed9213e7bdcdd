"""Record the signals that reached a workflow directly: what each means to its invoice, its customer, or several."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from temporalio import activity

from activities.signals import fact_of
from activities.wider_signals import ALONE, IN_TURN, take_alone, take_in_turn
from cadence.directive import Directive, RecordOrder, SignalNote
from ledger.access import Ledger
from ledger.charging import Regimes
from ledger.recording import situation_of, tell


@dataclass(frozen=True, slots=True)
class Recording:
    """The activity that brings a workflow's inbox to the ledger; `regimes` are those of late charges."""

    ledger: Ledger
    regimes: Regimes

    @activity.defn
    async def record_signals(self, order: RecordOrder) -> Directive:
        """Record signals in the order in which they came; what cannot be understood holds nothing up.

        The answer is the directive of the signalled invoice; workflows of others hear from the relay.
        """
        now = activity.info().started_time - self.ledger.shift
        for alone, notes in groupby(order.notes, lambda note: note.name in ALONE):
            if alone:
                for note in notes:
                    await take_alone(self.ledger, order.invoice_id, note, now)
            else:
                await self._in_turn(order.invoice_id, notes, now)
        return await self.ledger.directive(order.invoice_id)

    async def _in_turn(self, invoice_id: int, notes: Iterable[SignalNote], now: datetime) -> None:
        """In one transaction: each is judged by where the invoice stands after those before it."""
        async with self.ledger.invoice_unit(invoice_id, now, told=invoice_id) as unit:
            held = unit.invoice(invoice_id)
            for note in notes:
                if note.name in IN_TURN:
                    await take_in_turn(unit, held, note, self.regimes)
                else:
                    await tell(unit, held, fact_of(invoice_id, note, situation_of(unit, held)))
