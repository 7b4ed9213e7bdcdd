"""A small portfolio through the whole stack: the same every time, at any date, and as its customers would live it."""

import asyncio
import csv
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
PORTFOLIO = """\
invoice,customer,customer_name,segment,language,country,timezone,email,phone,whatsapp,issued_on,due_on,amount,currency,payment_method
EARLY,C1,Loja Exemplo,smb,pt-BR,BR,America/Sao_Paulo,loja@example.com,+5511900000901,+5511900000901,2026-01-05,2026-01-20,489.90,BRL,pix
SHARED-1,C2,Taller Ejemplo,smb,es,ES,Europe/Madrid,office@example.com,+34600000901,,2026-01-05,2026-01-21,120.00,EUR,transfer
SHARED-2,C3,Second Sample Ltd,smb,en,GB,Europe/London,office@example.com,,+447700900901,2026-01-06,2026-01-21,365.00,GBP,transfer
REVERSED,C4,Atelier Modele,standard,fr,FR,Europe/Paris,atelier@example.com,+33639980191,,2026-01-05,2026-01-16,2640.00,EUR,transfer
STOPS,C5,Oficina Modelo,smb,pt-BR,BR,America/Sao_Paulo,oficina@example.com,+5551900000905,+5551900000905,2026-01-05,2026-01-15,760.00,BRL,pix
BOUNCES,C6,Mock Works Ltd,smb,en,GB,Europe/London,mock@example.com,+447700900906,+447700900906,2026-01-05,2026-01-19,80.00,GBP,transfer
BLOCKS,C7,Mercado Amostra,smb,pt-BR,BR,America/Sao_Paulo,mercado@example.com,+5521900000907,+5521900000907,2026-01-12,2026-01-22,1250.00,BRL,boleto
TALKS,C8,Conservas de Ensaio,standard,pt-PT,PT,Europe/Lisbon,ensaio@example.com,,,2026-01-05,2026-01-19,4275.50,EUR,transfer
"""
# EARLY pays at the very minute at which it is to be reminded.
HAPPENINGS = """\
at,event,invoice,amount,date,reason,text,id
2026-01-20T09:00:00-03:00,payment,EARLY,489.90,,pix,,bank-1
2026-01-20T10:00:00+01:00,payment,REVERSED,2640.00,,transfer,,bank-2
2026-01-23T10:00:00+01:00,reversal,REVERSED,2640.00,,,,bank-2r
2026-01-19T10:00:00-03:00,reply,STOPS,,,,SAIR,
2026-01-21T10:00:00+00:00,dispute,TALKS,,,price,,
2026-01-26T10:00:00+00:00,resolution,TALKS,,,rejected,,
2026-01-27T10:00:00+00:00,promise,TALKS,,2026-02-03,,,
2026-02-02T10:00:00+00:00,customer_payment,TALKS,4275.50,,transfer,,bank-3
"""
HABITS = """\
mock@example.com:
  email: bounce
"+5521900000907":
  whatsapp: blocked
"+5511900000901":
  whatsapp: read
  delay: 40
"""
TABLES = ("messages.csv", "agenda.csv", "invoices.csv", "summary.json")
DAYS = "40"

# Two rehearsals side by side: half a minute on two idle cores, and longer where others work as well.
pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Rehearsed:
    """What one run of the command came to."""

    status: int
    out: str
    err: str
    report: Path

    def rows(self, table: str) -> list[dict[str, str]]:
        return list(csv.DictReader((self.report / f"{table}.csv").read_text().splitlines()))

    def sent(self, invoice: str) -> list[tuple[str, str, str]]:
        """Step, channel and delivery of an invoice's messages, in their order."""
        rows = [row for row in self.rows("messages") if row["invoice"] == invoice]
        return [(row["step"], row["channel"], row["delivery"]) for row in rows]

    def text(self, name: str) -> str:
        return (self.report / "messages" / name).read_text()


async def regua(*arguments: str) -> tuple[int, str, str]:
    """Run the command as its user does: its status, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter.main", *arguments, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def rehearse(folder: Path, name: str, *more: str, year: str = "2026") -> Rehearsed:
    """Rehearse the portfolio, with all its dates in another year if wanted."""
    place = folder / name
    place.mkdir()
    for file, text in (("p.csv", PORTFOLIO), ("e.csv", HAPPENINGS), ("h.yaml", HABITS)):
        (place / file).write_text(text.replace("2026-", f"{year}-"))
    arguments = [str(place / "p.csv"), "--events", str(place / "e.csv"), "--habits", str(place / "h.yaml")]
    arguments += ["--from", f"{year}-01-05", "--days", DAYS, "--report", str(place / "report"), *more]
    return Rehearsed(*await regua("rehearse", *arguments), place / "report")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rehearsals(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Rehearsed]:
    """The same input twice at a time: once in the past, and once eleven years later, on the same days of the week."""
    folder = tmp_path_factory.mktemp("rehearsals")
    return await asyncio.gather(rehearse(folder, "past"), rehearse(folder, "future", "--json", year="2037"))


@pytest.fixture
def rehearsed(rehearsals: Sequence[Rehearsed]) -> Rehearsed:
    return rehearsals[0]


def test_every_rehearsal_ends_well_and_the_invariants_hold(rehearsals: Sequence[Rehearsed]) -> None:
    assert [(each.status, "Traceback" in each.err) for each in rehearsals] == [(0, False)] * 2
    last = rehearsals[0].out.splitlines()[-8:]
    assert [line[:18] for line in last] == [f"invariant {number} holds:" for number in range(1, 9)]


def test_two_rehearsals_of_one_input_give_the_same_bytes_side_by_side_and_whatever_the_year(
    rehearsals: Sequence[Rehearsed],
) -> None:
    past, future = rehearsals
    for table in TABLES:
        played = (future.report / table).read_text()
        assert played.replace("2037-", "2026-") == (past.report / table).read_text(), table
    assert sorted(
        file.name.replace("2037-", "2026-") for file in (future.report / "messages").iterdir()
    ) == sorted(file.name for file in (past.report / "messages").iterdir())


def test_the_summary_is_printed_as_json_where_that_is_wanted(rehearsals: Sequence[Rehearsed]) -> None:
    printed = json.loads(rehearsals[1].out)
    written = json.loads((rehearsals[1].report / "summary.json").read_text())
    assert {key: printed[key] for key in written} == written
    assert [check["ok"] for check in printed["invariants"]] == [True] * 8


def test_progress_is_plain_lines_where_nobody_has_a_terminal(rehearsed: Rehearsed) -> None:
    assert rehearsed.err.startswith("Starting ")
    assert rehearsed.err.rstrip().endswith("Playing 40 days of 8 invoices: 100 %")
    assert "\x1b" not in rehearsed.err


def test_a_payment_at_the_minute_of_a_reminder_comes_first(rehearsed: Rehearsed) -> None:
    assert rehearsed.sent("EARLY") == [("upcoming", "email", "delivered")]
    [invoice] = [row for row in rehearsed.rows("invoices") if row["invoice"] == "EARLY"]
    assert (invoice["state"], invoice["closed_at"]) == ("paid", "2026-01-20T12:00:00+00:00")


def test_customers_who_share_an_address_are_each_written_to(rehearsed: Rehearsed) -> None:
    assert ("upcoming", "email", "delivered") in rehearsed.sent("SHARED-1")
    assert ("upcoming", "email", "delivered") in rehearsed.sent("SHARED-2")


def test_a_reversal_reopens_the_invoice_and_its_reminders_go_on(rehearsed: Rehearsed) -> None:
    sent = [row for row in rehearsed.rows("messages") if row["invoice"] == "REVERSED"]
    assert [row["step"] for row in sent if row["at"] < "2026-01-20"] == ["upcoming", "first-reminder"]
    assert not [row for row in sent if "2026-01-20" <= row["at"] < "2026-01-23"]
    assert next(row["step"] for row in sent if row["at"] >= "2026-01-23") == "second-reminder"


def test_who_answers_stop_on_whatsapp_hears_from_us_by_other_channels_only(rehearsed: Rehearsed) -> None:
    sent = [row for row in rehearsed.rows("messages") if row["invoice"] == "STOPS"]
    before = {row["channel"] for row in sent if row["at"] < "2026-01-19T13:00"}
    after = {row["channel"] for row in sent if row["at"] >= "2026-01-19T13:00"}
    assert "whatsapp" in before
    assert "whatsapp" not in after
    assert "sms" in after


def test_an_email_that_bounces_is_followed_by_the_next_channel_and_says_why(rehearsed: Rehearsed) -> None:
    first = [row for row in rehearsed.rows("messages") if row["invoice"] == "BOUNCES"][:2]
    assert [(row["channel"], row["delivery"], row["reason"]) for row in first] == [
        ("email", "failed", "bad_address bounce"),
        ("whatsapp", "delivered", ""),
    ]


def test_silence_on_whatsapp_is_followed_by_the_next_channel_hours_later(rehearsed: Rehearsed) -> None:
    due_today = [
        row for row in rehearsed.rows("messages") if row["invoice"] == "BLOCKS" and row["step"] == "due-today"
    ]
    assert [(row["at"][11:16], row["channel"], row["delivery"]) for row in due_today] == [
        ("12:00", "whatsapp", "sent"),
        ("16:00", "sms", "delivered"),
    ]


def test_an_invoice_enters_on_its_issue_date(rehearsed: Rehearsed) -> None:
    assert min(row["at"] for row in rehearsed.rows("messages") if row["invoice"] == "BLOCKS") > "2026-01-12"
    assert len(rehearsed.rows("invoices")) == 8


def test_dispute_and_promise_are_answered_and_nobody_is_reminded_meanwhile(rehearsed: Rehearsed) -> None:
    talk = [row for row in rehearsed.rows("messages") if row["invoice"] == "TALKS"]
    steps = [row["step"] for row in talk if row["at"] >= "2026-01-21"]
    assert steps[:2] == ["on:dispute", "on:dispute_resolved"]
    assert "on:promise" in steps
    assert not [row for row in talk if row["at"] > "2026-01-28"]


def test_each_message_is_kept_as_its_customer_sees_it(rehearsed: Rehearsed) -> None:
    text = rehearsed.text("REVERSED_2026-01-12_upcoming_1_email.txt")
    assert text.startswith("Subject: Exemplo Fornecimentos S.A.")
    assert "Atelier Modele" in text
    assert "2\u202f640,00\u00a0€" in text
    html = rehearsed.text("REVERSED_2026-01-12_upcoming_1_email.html")
    assert "<html" in html
    assert "pay.example.com" in rehearsed.text("BLOCKS_2026-01-22_due-today_1_sms.txt")


def test_rows_stand_in_the_order_of_time_then_invoice_then_step(rehearsed: Rehearsed) -> None:
    for table in ("messages", "agenda"):
        keys = [(row["at"], row["invoice"], row["step"]) for row in rehearsed.rows(table)]
        assert keys == sorted(keys)


async def test_a_happening_that_makes_no_sense_when_it_comes_ends_the_rehearsal_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "p.csv").write_text("\n".join(PORTFOLIO.splitlines()[:2]))
    (tmp_path / "e.csv").write_text("at,event,invoice,reason\n2026-01-07T10:00,resolution,EARLY,upheld\n")
    said = await Terminal(capsys)(
        "rehearse", str(tmp_path / "p.csv"), "--events", str(tmp_path / "e.csv"), "--from", "2026-01-05",
        "--days", "10", "--report", str(tmp_path / "report"),
    )  # fmt: skip
    assert (said.status, said.out) == (2, "")
    assert said.err.splitlines()[-1] == (
        "regua: line 2 of the happenings, resolution of EARLY: event: the invoice is not disputed then; "
        "put a dispute before the resolution"
    )
    assert not (tmp_path / "report").exists()


async def some_children(pid: int) -> list[psutil.Process]:
    """The processes that a rehearsal has started, once there are some."""
    while True:
        if len(children := psutil.Process(pid).children(recursive=True)) > 1:
            return children
        await asyncio.sleep(0.05)


def left(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_ctrl_c_ends_a_rehearsal_with_one_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(PORTFOLIO)
    # What a shell starts in the background ignores Ctrl-C, and so would what the tests start there.
    process = await asyncio.create_subprocess_exec(
        "env", "--default-signal=INT",
        sys.executable, "-m", "starter.main", "rehearse", str(tmp_path / "p.csv"), "--from", "2026-01-05",
        "--days", "40", cwd=ROOT, env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    assert (await process.stderr.readline()).startswith(b"Starting ")
    children = await some_children(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert err.decode() == "regua: interrupted; what was started is stopped, and nothing was written.\n"
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert [path.name for path in left(tmp_path)] == ["p.csv"]
