"""The checks pass on what the ledger does by itself, and find each way in which it could go wrong."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from cadence import events as e
from cadence.agenda import Agenda
from cadence.rules import Rulebook
from ledger.access import Ledger
from ledger.checks import Accepted, Check, check_invariants, personal_needles
from ledger.invariants import Tally, _nothing_lost
from ledger.log_reading import invoice_logs
from ledger.performing import LostMessage, lost_message, perform, settle_lost
from ledger.recording import Fact, record
from ledger.unit import Origin
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    CREDITOR,
    DAY,
    MINUTE,
    REMINDER_AT,
    order_of,
    row,
    send,
    take_in,
)

CLERK = Origin(actor="clerk", source="cli")


async def checked(
    ledger: Ledger, now: datetime, accepted: Sequence[Accepted] | None = None
) -> Mapping[int, Check]:
    return {
        check.number: check for check in await check_invariants(ledger.engine, ledger.book, now, accepted)
    }


async def say(ledger: Ledger, invoice_id: int, event: Any, now: datetime) -> None:
    await record(ledger, invoice_id, [Fact(event, now, CLERK)], now)


def paid(amount: str = "120.50") -> e.PaymentReceived:
    return e.PaymentReceived(amount=Decimal(amount), currency="EUR")


async def tamper(ledger: Ledger, *statements: str) -> None:
    """Change the database behind the ledger's back."""
    async with ledger.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            changed = await connection.execute(text(statement))
            assert changed.rowcount > 0, statement


@pytest.fixture
async def sent(ledger: Ledger) -> int:
    """An invoice whose first message was accepted."""
    (invoice_id,) = await take_in(ledger, row())
    await send(ledger, invoice_id, COURTESY_AT)
    return invoice_id


async def test_a_ledger_with_every_kind_of_invoice_keeps_all_invariants(ledger: Ledger) -> None:
    ids = await take_in(ledger, *(row(f"INV-{number}", f"C-{number}") for number in range(1, 7)))
    waiting, cleared, disputed, held, promised, failed = ids
    for invoice_id in ids[:-1]:
        await send(ledger, invoice_id, COURTESY_AT)
    await send(ledger, failed, COURTESY_AT, "rejected", code="21211", error_class="bad_address")
    await say(ledger, cleared, paid(), COURTESY_AT + DAY)
    await say(
        ledger, cleared, e.PaymentReversed(amount=Decimal("120.50"), currency="EUR"), COURTESY_AT + 2 * DAY
    )
    await say(ledger, disputed, e.DisputeOpened(), COURTESY_AT + DAY)
    await say(ledger, held, e.HoldPlaced(hold="h", until=REMINDER_AT), COURTESY_AT + DAY)
    promise = e.PromiseMade(amount=Decimal(100), by=(REMINDER_AT + DAY).date())
    await say(ledger, promised, promise, COURTESY_AT + DAY)
    await perform(ledger, await order_of(ledger, held), REMINDER_AT)
    for invoice_id in (waiting, held, cleared, failed):
        await send(ledger, invoice_id, REMINDER_AT + MINUTE)
    await say(ledger, waiting, paid(), REMINDER_AT + DAY)

    checks = await checked(ledger, REMINDER_AT + DAY)
    assert {number: check.violations for number, check in checks.items()} == dict.fromkeys(
        (1, 2, 3, 4, 6, 7, 8), ()
    )
    assert {number: check.checked for number, check in checks.items()} == {
        1: 10,
        2: 10,
        3: 13,
        4: 10,
        6: 12,
        7: 0,
        8: 10,
    }
    assert all(check.ok for check in checks.values())


async def test_a_reminder_permitted_after_the_payment_is_found_by_order_not_by_clock(
    ledger: Ledger, sent: int
) -> None:
    await say(ledger, sent, paid(), COURTESY_AT + DAY)
    # The permit claims to be older than the payment, but the log holds it later.
    await tamper(
        ledger,
        "INSERT INTO event (invoice_id, customer_id, type, payload, at, recorded_at, actor, source) "
        "SELECT invoice_id, customer_id, type, payload, at, recorded_at, actor, source "
        "FROM event WHERE type = 'message_permitted'",
    )

    (found,) = (await checked(ledger, COURTESY_AT + DAY))[1].violations
    assert found.startswith("invoice INV-1: permit ")
    assert found.endswith("for courtesy/1 by email was given when it was closed as paid")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (e.DisputeOpened(), "within a dispute"),
        (e.HoldPlaced(hold="h"), "within a hold"),
        (e.PromiseMade(amount=Decimal(5), by=REMINDER_AT.date()), "within a promise"),
    ],
)
async def test_a_reminder_permitted_while_it_was_forbidden_is_found(
    ledger: Ledger, sent: int, event: Any, words: str
) -> None:
    await say(ledger, sent, event, COURTESY_AT + MINUTE)
    again = (
        "INSERT INTO event (invoice_id, customer_id, type, payload, at, recorded_at, actor, source) "
        "SELECT invoice_id, customer_id, type, payload, at, recorded_at, actor, source "
        "FROM event WHERE type = 'message_permitted'"
    )
    await tamper(ledger, again)
    assert words in (await checked(ledger, COURTESY_AT + DAY))[1].violations[0]

    await tamper(ledger, "UPDATE message SET notice = true")
    assert (await checked(ledger, COURTESY_AT + DAY))[1].ok


async def test_an_attempt_without_its_permit_or_after_its_lease_is_found(ledger: Ledger, sent: int) -> None:
    await tamper(ledger, "UPDATE attempt SET began_at = lease_until")
    assert "began after its lease ended" in (await checked(ledger, COURTESY_AT))[1].violations[0]

    await tamper(ledger, "DELETE FROM event WHERE type = 'message_permitted'")
    assert "has no permit in the log" in (await checked(ledger, COURTESY_AT))[1].violations[0]


async def test_a_message_the_provider_took_twice_is_found_by_attempt_and_by_reference(
    ledger: Ledger, sent: int
) -> None:
    async with ledger.engine.connect() as connection:
        found = await connection.execute(text("SELECT a.id, m.reference FROM attempt a, message m"))
        attempt_id, reference = found.one()
    mail = ("email", attempt_id, "c-1@example.com", COURTESY_AT)

    assert (await checked(ledger, COURTESY_AT, [mail]))[2].ok
    twice = await checked(ledger, COURTESY_AT, [mail, ("email", reference, "c-1@example.com", COURTESY_AT)])
    assert twice[2].violations == ("invoice INV-1: courtesy/1 by email was accepted 2 times",)
    strange = await checked(ledger, COURTESY_AT, [mail, ("sms", "0" * 32, "+351900000999", COURTESY_AT)])
    assert strange[2].ok
    assert strange[2].known == ("1 messages at the provider are not of this ledger",)


async def test_a_second_sending_after_two_empty_lists_is_counted_and_named(ledger: Ledger, sent: int) -> None:
    lost = await send(ledger, sent, REMINDER_AT, "unknown")
    for minutes in (3, 9):
        at = REMINDER_AT + minutes * MINUTE
        order = await order_of(ledger, sent)
        found = await lost_message(ledger, order, at)
        assert isinstance(found, LostMessage)
        await settle_lost(ledger, order, found, None, at)
    again = await send(ledger, sent, REMINDER_AT + 10 * MINUTE)
    assert again.reference == lost.reference

    both = [("sms", each.attempt_id, each.address, REMINDER_AT) for each in (lost, again)]
    check = (await checked(ledger, REMINDER_AT + 11 * MINUTE, both))[2]
    assert check.ok
    (known,) = check.known
    assert known.startswith("invoice INV-1: reminder/1 by sms was accepted 2 times: sent again after")
    assert not (await checked(ledger, REMINDER_AT + 11 * MINUTE, [*both, both[0]]))[2].ok


async def test_what_fell_due_and_was_not_done_is_found_after_the_grace(ledger: Ledger, sent: int) -> None:
    assert (await checked(ledger, REMINDER_AT + 9 * MINUTE))[3].ok

    late = (await checked(ledger, REMINDER_AT + 10 * MINUTE))[3]
    assert late.violations == (
        "invoice INV-1: reminder/1/sms was due at 2026-03-11T09:00:00+00:00 and is not done",
    )
    # By night the planner has moved on to the next window; what the workflow was told stays overdue.
    assert not (await checked(ledger, REMINDER_AT + 18 * 60 * MINUTE))[3].ok


async def test_a_step_both_skipped_and_sent_is_found(ledger: Ledger, sent: int) -> None:
    skipped = e.StepSkipped(step="courtesy", reason="collapsed", planned_at=COURTESY_AT)
    await say(ledger, sent, skipped, COURTESY_AT + DAY)

    found = (await checked(ledger, COURTESY_AT + DAY))[3].violations
    assert found == ("invoice INV-1: courtesy/1 was both skipped and done",)


async def test_a_case_that_is_owed_and_missing_is_found(ledger: Ledger, sent: int) -> None:
    await say(ledger, sent, e.DisputeOpened(), COURTESY_AT + DAY)
    await tamper(ledger, 'DELETE FROM "case"')

    found = (await checked(ledger, COURTESY_AT + DAY))[3].violations
    assert found == ("invoice INV-1: the case dispute/1 is owed and was never opened",)


async def test_a_closed_invoice_whose_workflow_was_not_told_is_found(ledger: Ledger, sent: int) -> None:
    await say(ledger, sent, paid(), COURTESY_AT + DAY)
    assert (await checked(ledger, REMINDER_AT + 30 * DAY))[3].ok

    await tamper(ledger, "UPDATE invoice SET directive = jsonb_set(directive, '{closed}', 'false')")
    assert not (await checked(ledger, COURTESY_AT + DAY))[3].ok


async def test_a_step_that_no_agenda_names_is_found_unless_reminders_are_forbidden(
    ledger: Ledger, sent: int
) -> None:
    async def lost() -> list[str]:
        tally = Tally(3, "")
        async with ledger.engine.connect() as connection:
            async for log in invoice_logs(connection):
                then = REMINDER_AT + DAY
                _nothing_lost(log, tally, Agenda(), log.rules(Rulebook(CREDITOR), then), then)
        return tally.violations

    assert await lost() == ["invoice INV-1: reminder/1 was planned for 2026-03-11 and has no outcome"]
    await say(ledger, sent, e.DisputeOpened(), COURTESY_AT + DAY)
    assert await lost() == []


async def test_a_contact_outside_the_window_is_found_by_the_clock_the_customer_had_then(
    ledger: Ledger, sent: int
) -> None:
    await take_in(ledger, row(zone="Pacific/Auckland"), now=COURTESY_AT + DAY)
    assert (await checked(ledger, COURTESY_AT + DAY))[4].ok

    await tamper(ledger, "UPDATE attempt SET began_at = began_at - interval '6 hours'")
    found = (await checked(ledger, COURTESY_AT + DAY))[4].violations
    assert found == (
        "invoice INV-1: courtesy/1 by email was attempted at 2026-03-06T03:00:00+00:00, outside its send window",
    )


async def test_facts_that_the_log_does_not_add_up_to_are_found(ledger: Ledger, sent: int) -> None:
    await tamper(ledger, 'UPDATE invoice SET facts = facts || \'{"paid": "1"}\', balance = 119.5')
    assert (await checked(ledger, COURTESY_AT))[6].violations == (
        "invoice INV-1: its events do not add up to its facts",
    )

    await tamper(ledger, "UPDATE invoice SET facts = facts - 'paid'")
    assert (await checked(ledger, COURTESY_AT))[6].violations == (
        "invoice INV-1: its state, balance, due date or closing differ from its facts",
    )


async def test_a_customers_facts_are_checked_against_its_own_log(ledger: Ledger, sent: int) -> None:
    await tamper(ledger, 'UPDATE customer SET facts = facts || \'{"country": "ES"}\'')

    assert (await checked(ledger, COURTESY_AT))[6].violations[0].endswith("do not add up to its facts")


async def test_violations_carry_no_personal_data(ledger: Ledger, sent: int) -> None:
    await tamper(ledger, "UPDATE attempt SET began_at = lease_until - interval '6 hours'")
    told = " ".join(
        v for check in (await checked(ledger, REMINDER_AT + DAY)).values() for v in check.violations
    )

    assert told
    assert not [needle for needle in await personal_needles(ledger.engine) if needle in told]


async def test_the_check_reads_one_snapshot_and_leaves_no_transaction_open(
    ledger: Ledger, database_url: str
) -> None:
    await checked(ledger, ARRIVAL)

    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        idle = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
        )
        assert await idle.fetchone() == (0,)
