"""A signal about a customer, or several of their invoices, as it is being taken."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from activities.signals import code
from cadence.directive import SignalNote
from ledger.charging import Regimes
from ledger.unit import Held, Origin, Unit


@dataclass(frozen=True, slots=True)
class Told:
    """A signal, under which origin it counts once, and the regimes of late charges."""

    note: SignalNote
    origin: Origin
    regimes: Regimes

    @property
    def reason(self) -> str:
        """Why, as a code."""
        return code(self.note.fields.get("reason"))


# False where the signal changed nothing.
Act = Callable[[Unit, Held, Told], Awaitable[bool]]
