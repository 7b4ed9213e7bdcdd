"""The command line on a real ledger: what each command does to an invoice, and what it shows."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from ledger.access import Ledger
from ledger.filters import InvoiceFilter
from ledger.jobs import create_job
from ledger.publishing import publish
from ledger.tables import agenda_table
from starter.jobs import work_jobs
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import CREDITOR, row, ruler, send, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
SOON, LATER = TODAY + timedelta(days=20), TODAY + timedelta(days=30)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Two invoices of one customer and one of another, due in a month."""
    ledger = Ledger(engine_on(database_url, 2), CREDITOR)
    await publish(ledger.engine, ruler(), datetime.now(UTC))
    dates: dict[str, Any] = {"issued_on": TODAY, "due_on": LATER}
    rows = [row("A-1", **dates), row("A-2", **dates), row("B-1", "C-2", **dates)]
    await take_in(ledger, *rows, now=datetime.now(UTC))
    yield ledger
    await ledger.engine.dispose()


async def state(terminal: Terminal, number: str = "A-1") -> tuple[str, str]:
    """An invoice's state and balance."""
    invoice = (await terminal.done("show", number, "--json")).json["invoice"]
    return invoice["state"], invoice["balance"]


async def test_a_payment_in_full_closes_the_invoice(terminal: Terminal) -> None:
    said = await terminal.done("pay", "A-1", "120.50")
    assert said.out == "A-1: payment of 120.50 noted. It is paid.\n"
    assert await state(terminal) == ("paid", "0.00")


async def test_a_payment_in_part_says_what_is_open(terminal: Terminal) -> None:
    said = await terminal.done("pay", "A-1", "20.50")
    assert said.out == "A-1: payment of 20.50 noted. It is scheduled, with EUR 100.00 open.\n"


async def test_a_closed_invoice_shows_no_amount_as_open(terminal: Terminal) -> None:
    said = await terminal.done("cancel", "A-1")
    shown = (await terminal.done("show", "A-1")).out.partition("What happened")[0]
    assert "open" not in said.out + shown
    assert "closed as cancelled" in shown
    assert "EUR 120.50 of it never paid" in shown
    line = next(line for line in (await terminal.done("list")).out.splitlines() if line.startswith("A-1"))
    assert "EUR" not in line


async def test_a_story_names_its_workflow(terminal: Terminal, ledger: Ledger) -> None:
    workflow = f"invoice-{await ledger.invoice_id('A-1')}"
    assert (await terminal.done("show", "A-1", "--json")).json["workflow_id"] == workflow
    assert f"workflow {workflow};" in (await terminal.done("show", "A-1")).out


async def test_a_story_is_told_in_words_on_one_clock_and_fits_a_screen(terminal: Terminal) -> None:
    await terminal.done("pause", "A-1", "--until", SOON.isoformat(), "--reason", "wrong-address")
    await terminal.done("dispute", "A-2", "--note", "says that the goods came late")
    told = (await terminal.done("show", "A-1")).out
    assert "all times are the customer's, Europe/Lisbon" in told
    assert "reached by email, sms" in told
    assert f"EUR 120.50, issued {TODAY}, due {LATER}" in told
    assert f"wrong-address, until {SOON + timedelta(days=1)} 00:00" in told  # midnight in Lisbon
    told += (await terminal.done("show", "A-2")).out
    assert not set("{}_'") & set(told.replace("customer's", ""))
    assert max(map(len, told.splitlines())) <= 120


async def test_a_step_whose_condition_is_false_now_is_told_but_is_no_contact(
    terminal: Terminal, ledger: Ledger
) -> None:
    every = (await terminal.done("agenda", "--days", "60", "--json")).json
    async with ledger.engine.begin() as connection:
        courtesy = agenda_table.c.step == "courtesy"
        await connection.execute(update(agenda_table).where(courtesy).values(why="condition"))
    left = (await terminal.done("agenda", "--days", "60", "--json")).json
    assert left == [contact for contact in every if contact["step"] != "courtesy"]
    assert "skipped unless its condition comes true" in (await terminal.done("show", "A-1")).out


async def test_a_payment_told_twice_under_one_id_counts_once(terminal: Terminal) -> None:
    await terminal.done("pay", "A-1", "20.50", "--id", "bank-7")
    said = await terminal.done("pay", "A-1", "20.50", "--id", "bank-7")
    assert "nothing changed" in said.out
    assert (await state(terminal))[1] == "100.00"


async def test_an_id_that_was_told_of_another_invoice_is_refused(terminal: Terminal) -> None:
    await terminal.done("pay", "A-1", "20.50", "--id", "bank-7")
    assert "told of invoice A-1 already" in await terminal.refused("pay", "B-1", "20.50", "--id", "bank-7")


async def test_two_payments_without_an_id_count_twice(terminal: Terminal) -> None:
    await terminal.done("pay", "A-1", "20.00")
    await terminal.done("pay", "A-1", "20.00")
    assert (await state(terminal))[1] == "80.50"


async def test_a_reversal_reopens_a_paid_invoice_once(terminal: Terminal) -> None:
    await terminal.done("pay", "A-1", "120.50")
    await terminal.done("reverse", "A-1", "120.50", "--id", "r-1")
    assert "nothing changed" in (await terminal.done("reverse", "A-1", "120.50", "--id", "r-1")).out
    assert await state(terminal) == ("scheduled", "120.50")


async def test_a_dispute_that_is_upheld_credits_the_invoice(terminal: Terminal) -> None:
    await terminal.done("dispute", "A-1", "--reason", "wrong-amount", "--note", "says they sent it back")
    assert (await state(terminal))[0] == "disputed"
    await terminal.done("resolve", "A-1", "--outcome", "upheld")
    assert await state(terminal) == ("credited", "0.00")


async def test_a_part_is_disputed_assigned_and_credited_and_the_due_date_extended(terminal: Terminal) -> None:
    day = SOON.isoformat()
    opened = await terminal.done(
        "dispute", "A-1", "--amount", "20.50", "--owner", "sales", "--answer-by", day
    )
    assert "dispute of 20.50 opened" in opened.out
    await terminal.done("assign-dispute", "A-1", "--owner", "legal")
    event = (await terminal.done("show", "A-1", "--json")).json["events"][-1]
    assert event["payload"] == {"owner": "legal", "answer_by": day}
    await terminal.done("resolve", "A-1", "--outcome", "upheld", "--credit", "20.00")
    assert await state(terminal) == ("scheduled", "100.50")
    later = (SOON + timedelta(days=60)).isoformat()
    assert f"due on {later} now" in (await terminal.done("extend", "A-1", "--to", later)).out


async def test_the_log_keeps_who_said_it_and_why(terminal: Terminal) -> None:
    await terminal.done("dispute", "A-1", "--reason", "wrong-amount", "--note", "they wrote to us")
    event = (await terminal.done("show", "A-1", "--json")).json["events"][-1]
    assert (event["type"], event["actor"], event["source"]) == ("dispute_opened", "ana", "cli")
    assert (event["payload"]["reason"], event["note"]) == ("wrong-amount", "they wrote to us")


async def test_a_promise_for_all_that_is_open_waits_for_its_day(terminal: Terminal) -> None:
    await terminal.done("promise", "A-1", "--on", SOON.isoformat())
    story = (await terminal.done("show", "A-1", "--json")).json
    assert story["invoice"]["state"] == "promised"
    payload = story["events"][-1]["payload"]
    assert (payload["amount"], payload["by"]) == ("120.50", SOON.isoformat())


async def test_pausing_and_resuming_an_invoice_leaves_the_others_alone(terminal: Terminal) -> None:
    await terminal.done("pause", "A-1", "--until", SOON.isoformat())
    assert (await state(terminal))[0] == "on_hold"
    assert (await state(terminal, "A-2"))[0] == "scheduled"
    await terminal.done("resume", "A-1")
    assert (await state(terminal))[0] == "scheduled"


async def test_a_pause_ends_with_its_last_day_where_the_customer_is(terminal: Terminal) -> None:
    await terminal.done("pause", "A-1", "--until", "2027-07-15")
    hold = (await terminal.done("show", "A-1", "--json")).json["events"][-1]
    assert hold["payload"]["until"] == "2027-07-15T23:00:00Z"  # midnight of the 16th in Lisbon, in summer


async def test_pausing_a_customer_pauses_all_its_invoices(terminal: Terminal) -> None:
    said = await terminal.done("pause", "--customer", "C-1", "--reason", "flooded")
    states = {line["number"]: line["state"] for line in (await terminal.done("list", "--json")).json}
    assert "C-1: paused until somebody resumes: 2 open invoices now, and those that come" in said.out
    assert "A case was opened for each" in said.out
    assert states == {"A-1": "on_hold", "A-2": "on_hold", "B-1": "scheduled"}
    await terminal.done("resume", "--customer", "C-1")
    assert {line["state"] for line in (await terminal.done("list", "--json")).json} == {"scheduled"}


async def test_pausing_a_customer_without_open_invoices_opens_no_case(terminal: Terminal) -> None:
    await terminal.done("pay", "B-1", "120.50")
    said = await terminal.done("pause", "--customer", "C-2")
    assert said.out == (
        "C-2: paused until somebody resumes: no open invoice now, and those that come meanwhile.\n"
    )
    assert (await terminal.done("cases", "--json")).json == []


async def test_escalating_goes_to_the_next_stage_and_opens_a_case(terminal: Terminal) -> None:
    await terminal.done("escalate", "A-1", "--stage", "overdue")
    story = (await terminal.done("show", "A-1", "--json")).json
    assert [step["step"] for step in story["agenda"]] == ["reminder", "demand"]
    assert [case["reason"] for case in story["cases"]] == ["escalated"]


async def test_a_cancelled_invoice_is_closed(terminal: Terminal) -> None:
    await terminal.done("cancel", "A-1", "--reason", "duplicate")
    assert (await state(terminal))[0] == "cancelled"


async def test_a_case_is_claimed_by_one_noted_and_closed(terminal: Terminal) -> None:
    await terminal.done("dispute", "A-1")
    case = str((await terminal.done("cases", "--json")).json[0]["id"])
    await terminal.done("case", "claim", case)
    assert "is claimed by 'ana'" in await terminal.refused("case", "claim", case, "--actor", "rui")
    assert "is claimed by 'ana'" in await terminal.refused("case", "release", case, "--actor", "rui")
    await terminal.done("case", "note", case, "called, no answer")
    await terminal.done("case", "close", case)
    closed = (await terminal.done("cases", "--status", "closed", "--json")).json[0]
    assert [note["text"] for note in closed["notes"]] == ["claimed", "called, no answer", "closed"]


async def test_a_case_whose_invoice_is_closed_is_marked_and_may_still_be_written_on(
    terminal: Terminal,
) -> None:
    await terminal.done("dispute", "A-1")
    await terminal.done("pay", "A-1", "120.50")
    listed = await terminal.done("cases", "--json")
    assert [case["invoice_state"] for case in listed.json] == ["paid"]
    assert "paid, closed" in (await terminal.done("cases")).out
    case = str(listed.json[0]["id"])
    await terminal.done("case", "close", case)
    assert "the case stays closed" in (await terminal.done("case", "note", case, "they thanked us")).out


async def test_a_case_that_is_released_is_free_for_another(terminal: Terminal) -> None:
    await terminal.done("dispute", "A-1")
    case = str((await terminal.done("cases", "--json")).json[0]["id"])
    await terminal.done("case", "claim", case)
    assert (await terminal.done("case", "release", case)).out == f"case {case} is open again\n"
    await terminal.done("case", "claim", case, "--actor", "rui")
    assert (await terminal.done("cases", "--json")).json[0]["claimed_by"] == "rui"


async def test_jobs_are_listed_and_one_is_told_by_its_outcomes(terminal: Terminal, ledger: Ledger) -> None:
    wanted, now = InvoiceFilter(customer="C-1"), datetime.now(UTC)
    job = await create_job(ledger.engine, "hold", wanted, {"reason": "flooded"}, "ana", today=TODAY, now=now)
    assert "2" in (await terminal.done("jobs")).out.splitlines()[2]
    await work_jobs(ledger, now)
    told = await terminal.done("jobs", str(job.id))
    assert told.out.endswith("done: 2\n")
    assert (await terminal.done("jobs", str(job.id), "--json")).json["status"] == "finished"
    assert (await state(terminal))[0] == "on_hold"


async def test_halting_everything_says_so(terminal: Terminal) -> None:
    assert (await terminal.done("halt", "--all")).out == "Halted: everything.\n"
    assert (await terminal.done("unhalt", "--all")).out == "No longer halted: everything.\n"


async def test_a_halted_channel_is_listed_until_it_goes_on(terminal: Terminal) -> None:
    await terminal.done("halt", "--channel", "sms", "--reason", "incident")
    halted = (await terminal.done("halt", "--json")).json
    assert [(halt["scope"], halt["value"], halt["actor"], halt["reason"]) for halt in halted] == [
        ("channel", "sms", "ana", "incident")
    ]
    await terminal.done("unhalt", "--channel", "sms")
    assert (await terminal.done("halt", "--json")).json == []


async def test_the_agenda_says_who_is_contacted_when_and_why(terminal: Terminal) -> None:
    said = await terminal.done("agenda", "--days", "60", "--json")
    first = said.json[0]
    assert (first["customer"], first["step"], first["channel"], first["why"]) == (
        "C-1", "courtesy", "email", "planned",
    )  # fmt: skip
    assert first["local_at"][11:16] == "09:00"
    assert "courtesy" in (await terminal.done("agenda", "--days", "60")).out


async def test_a_message_is_shown_as_the_customer_saw_it(terminal: Terminal, ledger: Ledger) -> None:
    invoice_id = await ledger.invoice_id("A-1")
    item = (await ledger.directive(invoice_id)).item
    assert item is not None
    granted = await send(ledger, invoice_id, item.at, provider_id="p-1")
    listed = (await terminal.done("messages", "A-1", "--json")).json
    assert [(line["reference"], line["channel"]) for line in listed] == [(granted.reference, "email")]
    shown = await terminal.done("messages", "--body", granted.reference)
    assert "subject: A reminder" in shown.out
    assert "Please pay." in shown.out


async def test_a_list_is_narrowed_by_state_segment_and_customer(terminal: Terminal) -> None:
    await terminal.done("pay", "A-2", "120.50")
    numbers = [
        line["number"]
        for line in (await terminal.done("list", "--state", "scheduled", "--customer", "C-1", "--json")).json
    ]
    assert numbers == ["A-1"]
    assert (await terminal.done("list", "--segment", "standard", "--state", "disputed", "--json")).json == []


async def test_publishing_twice_makes_one_version(terminal: Terminal, tmp_path: Path) -> None:
    cadence = str(ROOT / "cadences" / "smb.yaml")
    assert "version 1 published" in (await terminal.done("cadence", "publish", cadence)).out
    assert "version 1 already says this" in (await terminal.done("cadence", "publish", cadence)).out


async def test_a_cadence_whose_segment_is_taken_is_not_published(terminal: Terminal) -> None:
    said = await terminal.refused("cadence", "publish", str(ROOT / "cadences" / "standard-b2b.yaml"))
    assert "segment standard is claimed by the published cadence short already" in said


async def test_a_cadence_with_an_error_is_not_published_nor_are_its_neighbours(
    terminal: Terminal, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text((ROOT / "cadences" / "smb.yaml").read_text())
    bad.write_text(
        (ROOT / "cadences" / "b2c.yaml").read_text().replace("template: upcoming", "template: upcomming")
    )
    said = await terminal.refused("cadence", "publish", str(good), str(bad))
    assert "bad.yaml" in said
    assert "did you mean 'upcoming'?" in said
    assert "smb: version 1 published" in (await terminal.done("cadence", "publish", str(good))).out


async def test_an_import_says_what_it_did_and_what_it_could_not(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    heading = "invoice,customer,customer_name,segment,country,email,due_on,amount,currency\n"
    good = f"Z-1,Z,Loja Exemplo,standard,PT,loja@example.com,{LATER},10.00,EUR\n"
    file.write_text(heading + good + good.replace("Z-1", "Z-2").replace("10.00", "ten"))
    said = await terminal("import", str(file))
    assert said.status == 2
    lines = said.out.splitlines()
    assert lines[0] == "1 new, 0 changed, 0 the same, 1 rejected"
    first = (await terminal.done("agenda", "--days", "60", "--json")).json[0]["local_at"]
    day = datetime.fromisoformat(first)
    assert lines[3].split() == [f"{day:%a}", f"{day:%Y-%m-%d}", "1"]  # below a title and the headings
    assert f"The next message leaves on {day:%A %Y-%m-%d} at 09:00 (Europe/Lisbon)." in lines
    assert "" not in lines
    assert "line 3: amount" in said.out
    assert (tmp_path / "more.rejects.csv").exists()


async def test_an_import_tells_a_program_what_it_did_and_asks_it_nothing(
    terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "more.csv"
    heading = "invoice,customer,customer_name,segment,country,email,due_on,amount,currency\n"
    good = f"Z-1,Z,Loja Exemplo,standard,PT,loja@example.com,{LATER},10.00,EUR\n"
    file.write_text(heading + good + good.replace("Z-1", "Z-2").replace("10.00", "ten"))
    asked = await terminal("import", str(file), "--limit", "0", "--json")
    assert (asked.status, asked.json["declined"]) == (2, True)
    said = await terminal("import", str(file), "--json")
    assert (said.status, said.json["new"], said.json["declined"], said.json["dry_run"]) == (
        2,
        1,
        False,
        False,
    )
    assert set(said.json["contacts"].values()) == {1}
    assert list(said.json["contacts"]) == sorted(said.json["contacts"])
    [rejected] = said.json["rejected"]
    assert rejected["line"] == 3
    assert rejected["reason"].startswith("amount")
    assert set(rejected) == {"line", "reason"}
    assert said.json["rejects_file"] == str(tmp_path / "more.rejects.csv")


async def test_yesterdays_payments_are_imported_once(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    at = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    file.write_text(f"at,event,invoice,amount,id\n{at},payment,A-1,120.50,bank-1\n")
    assert "1 new" in (await terminal.done("events", "import", str(file))).out
    assert "0 new, 1 known before" in (await terminal.done("events", "import", str(file))).out
    known = {"new": 0, "same": 1, "rejected": [], "rejects_file": None}
    assert (await terminal.done("events", "import", str(file), "--json")).json == known
    assert (await state(terminal))[0] == "paid"


async def test_an_id_is_shared_by_the_events_file_and_the_command(terminal: Terminal, tmp_path: Path) -> None:
    await terminal.done("pay", "A-1", "20.50", "--id", "bank-1")
    file = tmp_path / "events.csv"
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    file.write_text(f"at,event,invoice,amount,id\n{at},payment,A-1,20.50,bank-1\n")
    assert "0 new, 1 known before" in (await terminal.done("events", "import", str(file))).out
    assert (await state(terminal))[1] == "100.00"


async def test_a_cap_that_will_defer_a_message_is_said_by_every_command_that_looks_ahead(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = {"id": "own-once", "text": "One contact in thirty days.", "source": "The creditor's own word.",
            "effective_from": "2000-01-01", "cap": {"most": 1, "within": "30d"}}  # fmt: skip
    pack = {"name": "own", "title": "Our own", "rules": [rule]}
    (tmp_path / "own.yaml").write_text(json.dumps(pack), encoding="utf-8")
    monkeypatch.setenv("POLICIES_DIR", str(tmp_path))
    ahead = (await terminal.done("show", "A-1", "--json")).json["agenda"]
    assert [(line["cap_foreseen"] or {}).get("rule") for line in ahead] == [None, "own-once", "own-once"]
    assert "planned; own-once will defer it to" in await folded(terminal, "show", "A-1")
    assert "planned; own-once will defer it to" in await folded(terminal, "agenda", "--days", "60")
    told = await folded(terminal, "why", "A-1", "--step", "reminder")
    assert "a cap will defer it to" in told
    assert "One contact in thirty days. (own-once; The creditor's own word.)" in told


async def folded(terminal: Terminal, *arguments: str) -> str:
    """What a command's table says in its last column, wherever its lines break."""
    lines = (await terminal.done(*arguments)).out.splitlines()
    heading = next(line for line in lines if line.rstrip().endswith(("why", "because")))
    column = max(heading.rfind("why"), heading.rfind("because"))
    return " ".join(line[column:].strip() for line in lines)
