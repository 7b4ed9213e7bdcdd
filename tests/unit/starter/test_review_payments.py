"""An instant of a payment that cannot be is refused with a sentence, before it reaches a calendar."""

from datetime import UTC, datetime

import pytest

from starter.payments import PaymentRefused, read_payment

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize("paid_at", ["0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"])
def test_a_payment_from_before_every_calendar_is_refused(paid_at: str) -> None:
    body = {"id": "p1", "amount": "10.00", "currency": "EUR", "invoice": "INV-1", "paid_at": paid_at}
    with pytest.raises(PaymentRefused, match="before 1990"):
        read_payment(body, NOW)
