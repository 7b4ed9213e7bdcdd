"""Every event that can be recorded is played by the machines that play invoices at random."""

from typing import get_args

from cadence import events as e
from tests.unit.cadence.happenings import (
    CUSTOMER_HAPPENINGS,
    CUSTOMERS_TOGETHER,
    HAPPENINGS,
    OWN,
    TOGETHER,
)


def test_every_event_of_an_invoice_is_played_or_is_the_ledgers_own() -> None:
    assert set(HAPPENINGS) | TOGETHER | OWN == set(get_args(e.InvoiceEvent))
    assert len(HAPPENINGS) + len(TOGETHER) + len(OWN) == len(get_args(e.InvoiceEvent))


def test_every_event_of_a_customer_is_played() -> None:
    assert set(CUSTOMER_HAPPENINGS) | CUSTOMERS_TOGETHER == set(get_args(e.CustomerEvent))
