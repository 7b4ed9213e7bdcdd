"""A step that needs a manager's leave, through the real ledger: asked, listed, reminded, answered, and moot."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cadence import events as e
from ledger.access import Ledger
from ledger.approvals import list_approvals
from ledger.cases import close, list_cases
from ledger.checks import check_invariants
from ledger.database import LedgerError
from ledger.explaining import why
from ledger.performing import perform
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.sending import permit
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    DAY,
    MINUTE,
    order_of,
    row,
    ruler,
    send,
    take_in,
)

MANAGER = Origin(actor="ana", source="cli")
NAME = {"step": "courtesy", "occurrence": 1}


async def tell(ledger: Ledger, invoice_id: int, event: e.InvoiceEvent, now: datetime) -> None:
    await record(ledger, invoice_id, [Fact(event, now, MANAGER)], now)


async def asked(ledger: Ledger, **approval: str) -> int:
    """An invoice whose first step has asked for leave."""
    message = {"send": {"template": "overdue_first", "channels": ["email"]}, "stage": "courtesy"}
    steps = [
        {"id": "courtesy", "at": "due - 4d", "approval": approval or "manager"} | message,
        {"id": "demand", "at": "due + 10d"} | message,
    ]
    await publish(ledger.engine, ruler(steps=steps), ARRIVAL)
    [invoice_id] = await take_in(ledger, row())
    await perform(ledger, await order_of(ledger, invoice_id), COURTESY_AT)
    return invoice_id


async def the_case(ledger: Ledger) -> tuple[str, list[str]]:
    found = [
        case
        for status in (None, "closed")
        for case in await list_cases(ledger.engine, queue="approvals", status=status)
    ]
    [case] = found
    return case.status, [note.text for note in case.notes]


async def test_a_step_that_waits_is_listed_with_its_end_and_sends_nothing(ledger: Ledger) -> None:
    await asked(ledger)
    [line], more = await list_approvals(ledger.engine, limit=1)
    assert more is None
    assert await list_approvals(ledger.engine, after=line.case) == ([], None)
    assert (line.invoice, line.step, line.state, line.otherwise) == (
        "INV-1", "courtesy", "awaiting_approval", "skip",
    )  # fmt: skip
    assert line.ends_at == COURTESY_AT + timedelta(days=5)
    assert await the_case(ledger) == ("open", [])


async def test_given_the_message_may_leave_and_the_case_closes_by_itself(ledger: Ledger) -> None:
    invoice_id = await asked(ledger)
    await tell(ledger, invoice_id, e.ApprovalGiven.model_validate(NAME), COURTESY_AT + MINUTE)
    assert await the_case(ledger) == ("closed", ["over: approval_given"])
    await send(ledger, invoice_id, COURTESY_AT + 2 * MINUTE)
    checks = await check_invariants(ledger.engine, ledger.book, COURTESY_AT + 3 * MINUTE)
    assert [check.violations for check in checks] == [()] * len(checks)


async def test_nothing_is_permitted_for_the_step_before_somebody_answers(ledger: Ledger) -> None:
    invoice_id = await asked(ledger)
    leave = await permit(ledger, await order_of(ledger, invoice_id), COURTESY_AT + DAY)
    assert leave.permit is None


async def test_reminders_are_noted_on_the_case_and_the_time_runs_out(ledger: Ledger) -> None:
    invoice_id = await asked(ledger, remind="2d", within="3d")
    for days in (2, 3):
        order = await order_of(ledger, invoice_id)
        assert order.at == COURTESY_AT + days * DAY
        await perform(ledger, order, order.at)
    assert await the_case(ledger) == ("closed", ["asked again, 2 times by now", "over: approval_timed_out"])
    assert await list_approvals(ledger.engine) == ([], None)


async def test_a_case_that_asks_is_closed_by_its_answer_alone(ledger: Ledger) -> None:
    invoice_id = await asked(ledger)
    [case] = await list_cases(ledger.engine, queue="approvals")
    with pytest.raises(LedgerError, match="approve or refuse the step of INV-1"):
        await close(ledger.engine, case.id, "ana", COURTESY_AT)
    await tell(ledger, invoice_id, e.ApprovalRefused.model_validate(NAME), COURTESY_AT + MINUTE)
    assert await the_case(ledger) == ("closed", ["over: approval_refused"])


async def test_a_payment_closes_the_case_and_a_reversal_asks_anew(ledger: Ledger) -> None:
    invoice_id = await asked(ledger)
    paid = {"amount": Decimal("120.50"), "currency": "EUR"}
    await tell(ledger, invoice_id, e.PaymentReceived.model_validate(paid), COURTESY_AT + MINUTE)
    assert (await the_case(ledger))[0] == "closed"
    await tell(ledger, invoice_id, e.PaymentReversed.model_validate(paid), COURTESY_AT + 2 * MINUTE)
    order = await order_of(ledger, invoice_id)
    await perform(ledger, order, max(order.at, COURTESY_AT + 3 * MINUTE))
    assert (await the_case(ledger))[0] == "open"


async def test_why_says_that_the_step_waits_and_until_when(ledger: Ledger) -> None:
    invoice_id = await asked(ledger)
    assert invoice_id
    found = await why(ledger, "INV-1", COURTESY_AT + MINUTE)
    waiting = next(each for each in found if each.step == "courtesy")
    assert (waiting.verdict, waiting.rule) == ("waiting", "awaiting_approval")
    assert waiting.at == datetime(2026, 3, 11, 9, tzinfo=UTC)
