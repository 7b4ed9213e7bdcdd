"""Imports on a real ledger: once is the same as twice, and a dry run says what would come and leaves nothing."""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import func, select

from cadence.directive import Directive, ItemOrder
from cadence.document import Cadence
from cadence.events import PlanEnded
from cadence.problems import DocumentError
from cadence.reading import read_document
from ledger.access import Ledger
from ledger.coming import upcoming
from ledger.performing import perform
from ledger.publishing import publish
from ledger.recording import Fact, record
from ledger.tables import customers, events_table, invoices, outbox
from ledger.unit import PLANNER
from starter.documents import read_creditor
from starter.importing import Contacts, Imported, import_file
from starter.importing_happenings import HappeningsImported, import_happenings
from tests.integration.engines import engine_on

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
HEADINGS = "invoice,customer,customer_name,segment,country,phone,email,due_on,amount,currency\n"
GOOD = "A-1,C-1,Loja Exemplo,smb,PT,+351910000101,loja@example.com,2026-01-20,100.00,EUR\n"


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    ledger = Ledger(engine_on(database_url, 10), read_creditor(ROOT / "creditor.yaml"))
    for file in sorted(ROOT.glob("cadences/*.yaml")):
        await publish(ledger.engine, read_document(Cadence, file.read_text(), file.name), NOW)
    yield ledger
    await ledger.engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "portfolio.csv"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return tmp_path / "events.csv"


def write(path: Path, text: str) -> None:
    path.write_text(text)


def quiet() -> Console:
    return Console(file=io.StringIO())


async def take_in(ledger: Ledger, path: Path, **more: Any) -> Imported:
    return await import_file(path, ledger, NOW, "ana", quiet(), **more)


async def tell(ledger: Ledger, path: Path, text: str, now: datetime = NOW) -> HappeningsImported:
    write(path, "at,event,invoice,amount,currency,date,until,reason,text,id\n" + text)
    return await import_happenings(path, ledger, now, "ana", quiet(), ROOT / "policies")


async def count(ledger: Ledger, table: Any) -> int:
    async with ledger.engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def invoice(ledger: Ledger, number: str) -> Any:
    async with ledger.engine.connect() as connection:
        return (
            (await connection.execute(select(invoices).where(invoices.c.number == number))).mappings().one()
        )


def counts(done: Imported) -> tuple[int, int, int, int]:
    return done.new, done.changed, done.same, len(done.rejected)


async def test_the_sample_imports_once_however_often_it_is_imported(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "portfolio.csv"
    path.write_bytes((ROOT / "samples/portfolio.csv").read_bytes())
    first = await take_in(ledger, path)
    rows, facts, words = [await count(ledger, table) for table in (invoices, events_table, outbox)]
    again = await take_in(ledger, path)
    assert first.rejected == []
    assert counts(first) == (rows, 0, 0, 0)
    assert counts(again) == (0, 0, rows, 0)
    assert again.contacts == {}
    assert [await count(ledger, table) for table in (invoices, events_table, outbox)] == [rows, facts, words]
    assert words == rows


async def test_a_row_that_differs_changes_the_invoice(ledger: Ledger, file: Path) -> None:
    write(file, HEADINGS + GOOD)
    await take_in(ledger, file)
    write(file, HEADINGS + GOOD.replace("100.00", "140.00"))
    assert counts(await take_in(ledger, file)) == (0, 1, 0, 0)
    assert (await invoice(ledger, "A-1"))["balance"] == 140


async def test_good_rows_are_taken_and_bad_ones_go_to_the_rejects_file(ledger: Ledger, file: Path) -> None:
    write(file, HEADINGS + GOOD.replace("100.00", "a lot") + GOOD.replace("A-1", "A-2"))
    done = await take_in(ledger, file)
    assert counts(done) == (1, 0, 0, 1)
    assert done.exit_status == 2
    assert done.rejects_file == file.with_name("portfolio.rejects.csv")
    with done.rejects_file.open(encoding="utf-8-sig", newline="") as rejects:
        (row,) = csv.DictReader(rejects)
    assert row["rejected_line"] == "2"
    assert row["rejected_reason"].startswith("amount: 'a lot' is no amount")
    assert row["phone"] == "'+351910000101"
    assert (await invoice(ledger, "A-2"))["state"] == "scheduled"


async def test_what_the_ledger_refuses_is_rejected_with_its_line(ledger: Ledger, file: Path) -> None:
    write(file, HEADINGS + GOOD)
    await take_in(ledger, file)
    write(file, HEADINGS + GOOD.replace("C-1", "C-2") + GOOD.replace("A-1", "A-2"))
    done = await take_in(ledger, file)
    assert counts(done) == (1, 0, 0, 1)
    assert (done.rejected[0].line, done.rejected[0].reason) == (
        2,
        "this invoice number belongs to another customer",
    )


async def test_a_dry_run_says_exactly_what_the_import_then_does_and_leaves_nothing(
    ledger: Ledger, file: Path
) -> None:
    write(file, HEADINGS + GOOD)
    await take_in(ledger, file)
    changed = GOOD.replace("2026-01-20", "2026-01-30")
    write(
        file,
        HEADINGS + changed + GOOD.replace("A-1", "A-2") + GOOD.replace("A-1", "A-3").replace("EUR", "XYZ"),
    )
    tables = (invoices, customers, events_table, outbox)
    before = [await count(ledger, table) for table in tables]
    would = await take_in(ledger, file, dry_run=True)
    assert [await count(ledger, table) for table in tables] == before
    assert not file.with_name("portfolio.rejects.csv").exists()
    does = await take_in(ledger, file)
    assert would.dry_run
    assert counts(would) == counts(does) == (1, 1, 0, 1)
    assert would.contacts == does.contacts
    assert would.contacts[date(2026, 2, 3)] == 1, "the first reminder of the invoice that moved to 30 January"


async def test_contacts_a_day_are_counted_by_the_clocks_of_those_who_get_them(
    ledger: Ledger, file: Path
) -> None:
    far = GOOD.replace("PT,+351910000101", "NZ,Pacific/Auckland,").replace("A-1", "A-2")
    write(file, HEADINGS.replace("country,", "country,timezone,") + far)
    result = await take_in(ledger, file)
    assert result.rejected == []
    agenda = await upcoming(ledger.engine, NOW + timedelta(days=365))
    assert result.contacts == Counter(contact.local_at.date() for contact in agenda)


async def test_a_flood_of_contacts_is_asked_about_before_anything_is_done(ledger: Ledger, file: Path) -> None:
    rows = [GOOD.replace("A-1", f"A-{n}").replace("C-1", f"C-{n}") for n in range(5)]
    write(file, HEADINGS + "".join(rows))
    asked: list[int] = []

    def agree(answer: bool) -> Callable[[Contacts], bool]:
        def ask(contacts: Contacts) -> bool:
            asked.append(max(contacts.values()))
            return answer

        return ask

    declined = await take_in(ledger, file, agree=agree(False), limit=4)
    assert (declined.declined, declined.exit_status, asked) == (True, 2, [5])
    assert await count(ledger, invoices) == 0
    within = await take_in(ledger, file, agree=agree(False), limit=5)
    assert (within.new, asked) == (5, [5])
    write(file, HEADINGS + "".join(row.replace("A-", "B-") for row in rows))
    agreed = await take_in(ledger, file, agree=agree(True), limit=4)
    assert (agreed.new, asked) == (5, [5, 5])


async def test_without_a_published_cadence_nothing_can_be_imported(database_url: str, file: Path) -> None:
    ledger = Ledger(engine_on(database_url, 10), read_creditor(ROOT / "creditor.yaml"))
    write(file, HEADINGS + GOOD)
    with pytest.raises(DocumentError, match="no cadence is published yet"):
        await take_in(ledger, file)
    await ledger.engine.dispose()


@pytest.fixture
async def chased(ledger: Ledger, file: Path) -> Ledger:
    """A ledger with the invoice A-1 of 100 EUR, due on 20 January."""
    write(file, HEADINGS + GOOD)
    await take_in(ledger, file)
    return ledger


LATER = NOW + timedelta(days=30)


async def test_happenings_are_recorded_once_however_often_they_are_imported(
    chased: Ledger, events: Path
) -> None:
    text = (
        "2026-01-21T10:00,promise,A-1,,,2026-01-28,,,,\n"
        "2026-01-22T10:00,payment,A-1,40,EUR,,,transfer,,bank-1\n"
        "2026-01-22T10:00,escalate,A-1,,,,,exit,,\n"
        "2026-01-23T10:00,payment,A-1,60,,,,,,\n"
    )
    first = await tell(chased, events, text, LATER)
    facts = await count(chased, events_table)
    again = await tell(chased, events, text, LATER)
    assert (first.new, first.same, first.rejected) == (4, 0, [])
    assert (again.new, again.same, again.rejected) == (0, 4, [])
    assert await count(chased, events_table) == facts
    assert (await invoice(chased, "A-1"))["state"] == "paid"


async def test_a_happening_that_makes_no_sense_is_rejected_and_the_others_are_recorded(
    chased: Ledger, events: Path
) -> None:
    done = await tell(
        chased,
        events,
        "2026-01-21,payment,A-9,40,,,,,,\n2026-03-01,payment,A-1,40,,,,,,\n"
        "2026-01-21,dispute,A-1,,,,,price,,\n2026-01-21,escalate,A-1,,,,,nowhere,,\n",
        LATER,
    )
    assert (done.new, done.exit_status) == (1, 2)
    reasons = {row.line: row.reason for row in done.rejected}
    assert "no invoice 'A-9' is known" in reasons[2]
    assert "lies in the future" in reasons[3]
    assert "'nowhere' is no stage" in reasons[5]
    assert (await invoice(chased, "A-1"))["state"] == "disputed"
    assert done.rejects_file is not None
    assert len(done.rejects_file.read_text("utf-8-sig").splitlines()) == 4


async def test_what_a_closed_invoice_does_not_bear_is_rejected_and_changes_nothing(
    chased: Ledger, events: Path
) -> None:
    assert (await tell(chased, events, "2026-01-21,payment,A-1,100,,,,,,\n", LATER)).new == 1
    facts = await count(chased, events_table)
    text = (
        "2026-01-22,dispute,A-1,,,,,price,,\n2026-01-23,resume,A-1,,,,,,,\n2026-01-24,end_plan,A-1,,,,,,,\n"
    )
    done = await tell(chased, events, text, LATER)
    assert (done.new, done.same) == (0, 0)
    assert [row.reason for row in done.rejected] == [
        "event: the invoice is closed as paid then; put the dispute before what closed it, or leave it out",
        "event: the invoice is not on hold then; put a pause before the resume",
        "event: the invoice has no payment plan then; put a plan before the end_plan",
    ]
    assert await count(chased, events_table) == facts


async def perform_next(ledger: Ledger, now: datetime) -> None:
    """Perform what A-1's workflow was told last, as the worker does."""
    directive = Directive.model_validate((await invoice(ledger, "A-1"))["directive"])
    assert directive.item is not None
    order = ItemOrder(invoice_id=directive.invoice_id, key=directive.item.key, at=directive.item.at)
    await perform(ledger, order, now)


async def test_what_an_old_file_ends_is_known_where_the_worker_was_quicker_to_end_it(
    chased: Ledger, events: Path
) -> None:
    begun = "2026-01-21,customer_pause,A-1,,,,2026-01-25,,,\n2026-01-22,pause,A-1,,,,2026-01-24,,,\n"
    assert (await tell(chased, events, begun, LATER)).new == 2
    for _ in range(2):
        await perform_next(chased, LATER)
    facts = await count(chased, events_table)
    ended = "2026-01-23,customer_resume,A-1,,,,,,,\n2026-01-23,resume,A-1,,,,,,,\n"
    done = await tell(chased, events, ended, LATER)
    assert (done.new, done.same, done.rejected) == (0, 2, [])
    early = "2026-01-20,customer_resume,A-1,,,,,,,\n2026-01-20,resume,A-1,,,,,,,\n"
    done = await tell(chased, events, early, LATER)
    assert (done.new, done.same) == (0, 0)
    assert ["put a" in row.reason for row in done.rejected] == [True, True]
    assert await count(chased, events_table) == facts


async def test_the_end_of_a_plan_that_was_missed_before_it_was_told_is_known(
    chased: Ledger, events: Path
) -> None:
    agreed = "2026-01-21,plan,A-1,,,2026-01-22,,weekly-1,,\n"
    assert (await tell(chased, events, agreed, LATER)).new == 1
    missed = Fact(PlanEnded(outcome="missed"), LATER, PLANNER)
    await record(chased, await chased.invoice_id("A-1"), [missed], LATER)
    done = await tell(chased, events, "2026-01-23,end_plan,A-1,,,,,,,\n", LATER)
    assert (done.new, done.same, done.rejected) == (0, 1, [])
    done = await tell(chased, events, "2026-01-20,end_plan,A-1,,,,,,,\n", LATER)
    assert done.rejected[0].reason.endswith("put a plan before the end_plan")


async def test_a_reply_that_says_stop_silences_its_channel(chased: Ledger, events: Path) -> None:
    text = "2026-01-21,reply,A-1,,,,,,PARAR,\n"
    assert (await tell(chased, events, text, LATER)).new == 1
    assert (await tell(chased, events, text, LATER)).same == 1
    async with chased.engine.connect() as connection:
        facts = (await connection.execute(select(customers.c.facts))).scalar_one()
    assert facts["suppressed"]["sms"]["reason"] == "opt_out"


async def test_a_reply_by_a_channel_that_the_customer_lacks_is_rejected(chased: Ledger, events: Path) -> None:
    done = await tell(chased, events, "2026-01-21,reply,A-1,,,,,whatsapp,SAIR,\n", LATER)
    assert done.rejected[0].reason == "reason: the customer has no number for whatsapp; a reply needs one"


async def test_a_merge_makes_the_owners_of_two_invoices_one_and_counts_once(
    chased: Ledger, file: Path, events: Path
) -> None:
    write(file, HEADINGS + GOOD.replace("A-1", "A-2").replace(",C-1,", ",C-2,"))
    await take_in(chased, file)
    assert await chased.customer_id("C-1") != await chased.customer_id("C-2")
    merge = "2026-01-21,merge,A-1,,,,,duplicate,A-2,\n"
    assert (await tell(chased, events, merge, LATER)).new == 1
    assert await chased.customer_id("C-1") == await chased.customer_id("C-2")
    facts = await count(chased, events_table)
    assert (await tell(chased, events, merge, LATER)).same == 1
    assert await count(chased, events_table) == facts
    unknown = await tell(chased, events, "2026-01-22,merge,A-1,,,,,duplicate,A-9,\n", LATER)
    assert "no invoice 'A-9' is known" in unknown.rejected[0].reason


async def test_what_is_said_of_a_customer_reaches_all_their_invoices_and_counts_once(
    chased: Ledger, file: Path, events: Path
) -> None:
    write(file, HEADINGS + GOOD.replace("A-1", "A-2").replace("2026-01-20", "2026-01-25"))
    await take_in(chased, file)
    text = (
        "2026-01-21T10:00,customer_pause,A-1,,,,,illness,,\n"
        "2026-01-22T10:00,customer_resume,A-2,,,,,,,\n"
        "2026-01-23T10:00,customer_payment,A-2,150,EUR,,,transfer,,bank-1\n"
        "2026-01-24T10:00,customer_reversal,A-1,60,,,,,bank-1,back-1\n"
        "2026-01-26T10:00,payment,A-1,130,EUR,,,,,bank-2\n"
        "2026-01-27T10:00,use_credit,A-2,,,,,,,\n"
        "2026-01-28T10:00,customer_pause,A-2,,,,2026-03-31,,,\n"
    )
    first = await tell(chased, events, text, LATER)
    facts = await count(chased, events_table)
    again = await tell(chased, events, text, LATER)
    assert (first.new, first.same, first.rejected) == (7, 0, [])
    assert (again.new, again.same, again.rejected) == (0, 7, [])
    assert await count(chased, events_table) == facts
    one, other = await invoice(chased, "A-1"), await invoice(chased, "A-2")
    # 100 and 50 came, 50 of A-2 and 10 of A-1 went back; of 130 for 10, the credit pays A-2.
    assert [(row["state"], row["balance"]) for row in (one, other)] == [("paid", -20), ("paid", 0)]


async def test_what_makes_no_sense_of_a_customer_is_rejected_with_its_reason(
    chased: Ledger, events: Path
) -> None:
    done = await tell(
        chased,
        events,
        "2026-01-21,customer_resume,A-1,,,,,,,\n"
        "2026-01-21,customer_payment,A-1,1,USD,,,,,bank-1\n"
        "2026-01-21,customer_reversal,A-1,,,,,,bank-9,back-1\n"
        "2026-01-21,use_credit,A-1,5,,,,,,\n"
        "2026-01-21,charge,A-1,,,2026-01-22,,,,\n"
        "2026-01-21,charge,A-1,,,,,,,\n"
        "2026-01-21,waive,A-1,,,,,,,\n"
        "2026-01-21,customer_pause,A-9,,,,,,,\n"
        "2026-01-21,customer_pause,A-1,,,,2026-01-19,,,\n",
        LATER,
    )
    reasons = [row.reason for row in sorted(done.rejected, key=lambda row: row.line)]
    said = (
        "not paused then",
        "no invoice of this customer is open",
        "no payment 'bank-9'",
        "not enough",
        "is not over by then",
        "regime",
        "no late charges",
        "no invoice 'A-9'",
        "is over before this begins",
    )
    assert done.new == 0
    for words, reason in zip(said, reasons, strict=True):
        assert words in reason
    assert (await invoice(chased, "A-1"))["state"] != "on_hold"
