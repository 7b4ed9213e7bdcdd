"""Where an event finds what it does; each module of this package registers its own."""

from datetime import datetime
from functools import singledispatch

from cadence import events as e
from cadence.facts import InvoiceFacts


@singledispatch
def reduce_event(event: e.InvoiceEvent, facts: InvoiceFacts, _at: datetime) -> InvoiceFacts:
    """The facts after `event`. Those of which nothing is registered are part of the story and change no fact."""
    return facts
