"""A rehearsal's report and story: figures that add up, files a spreadsheet may open, lines that fit the page."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer

from ledger.checks import Check
from ledger.reports import TOLD
from starter.commands.rehearsals import Played, judge
from starter.rehearsal.progress import shown
from starter.rehearsal.report import Report, write_report
from starter.rehearsal.story import HAPPENING, print_invariants, print_stories

NINE = datetime(2026, 1, 20, 12, tzinfo=UTC)  # nine in the morning in São Paulo


def message(channel: str, delivery: str | None = "delivered", **changes: Any) -> dict[str, Any]:
    return {
        "at": NINE,
        "invoice": "A-1",
        "customer": "A",
        "zone": "America/Sao_Paulo",
        "step": "second-reminder-whatsapp",
        "occurrence": 1,
        "channel": channel,
        "language": "pt-BR",
        "outcome": "accepted",
        "delivery": delivery,
        "reason": "",
        "to": "",
        "error_class": "",
        "message_id": 1,
    } | changes


def invoice(**changes: Any) -> dict[str, Any]:
    return {
        "invoice": "A-1",
        "customer": "A",
        "segment": "strategic",
        "language": "pt-BR",
        "state": "paid",
        "closed_at": datetime(2026, 2, 1, 1, tzinfo=UTC),
        "zone": "America/Sao_Paulo",
        "currency": "BRL",
        "amount": Decimal("1250.00"),
        "balance": Decimal("0.00000"),
        "due_on": date(2026, 1, 20),
        "messages": 1,
        "cases": 0,
    } | changes


def event(what: str, **how: Any) -> dict[str, Any]:
    row = {"at": NINE, "invoice": "A-1", "currency": "BRL", "zone": "America/Sao_Paulo"}
    return row | {"what": what, "how": how}


def report(**parts: Any) -> Report:
    empty: dict[str, Any] = dict.fromkeys(
        ("messages", "agenda", "invoices", "happened", "cases", "written"), ()
    )
    return Report(**empty | {"invoices": [invoice()]} | parts)


def told(capsys: pytest.CaptureFixture[str], **parts: Any) -> list[str]:
    print_stories(report(**parts))
    return capsys.readouterr().out.strip().splitlines()


def test_a_channel_fell_back_where_a_later_one_spoke_for_the_same_step() -> None:
    rows = [
        message("whatsapp", "sent"),
        message("sms"),
        message("email", None, step="upcoming", outcome="rejected"),
    ]
    assert report(messages=rows).channels() == {
        "email": {"accepted": 0, "delivered": 0, "failed": 1, "fell_back": 0},
        "sms": {"accepted": 1, "delivered": 1, "failed": 0, "fell_back": 0},
        "whatsapp": {"accepted": 1, "delivered": 0, "failed": 0, "fell_back": 1},
    }


def test_tables_hold_exact_money_and_nothing_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    rows = [invoice(invoice="=1+1", balance=Decimal("12.50000"), state="active", closed_at=None)]
    write_report(report(invoices=rows), tmp_path / "new", NINE, NINE)
    written = (tmp_path / "new" / "invoices.csv").read_text().splitlines()[1]
    assert written == "'=1+1,A,strategic,pt-BR,active,,BRL,12.50,2026-01-20,1,0"


def test_a_message_is_filed_under_a_name_that_leaves_the_folder_in_no_case(tmp_path: Path) -> None:
    row = {"id": 1, "subject": "Hello", "body": "Please pay.", "html": None}
    write_report(report(messages=[message("email", invoice="../../A")], written=[row]), tmp_path, NINE, NINE)
    [file] = (tmp_path / "messages").iterdir()
    assert file.name == "..-..-A_2026-01-20_second-reminder-whatsapp_1_email.txt"
    assert file.read_text() == "Subject: Hello\n\nPlease pay.\n"


def test_a_story_shows_the_customers_own_clock_and_calendar(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, messages=[message("whatsapp")])
    assert lines == [
        "A-1  strategic, pt-BR, BRL 1,250.00 due 2026-01-20: paid on 2026-01-31",
        "  2026-01-20 09:00  second-reminder-whatsapp   whatsapp  pt-BR  delivered",
    ]


def test_a_story_has_words_for_all_that_the_ledger_tells_and_is_told_all_that_it_has_words_for() -> None:
    assert set(TOLD) | {"step_performed"} == set(HAPPENING)


def test_at_one_instant_a_story_tells_what_came_then_what_it_brought(
    capsys: pytest.CaptureFixture[str],
) -> None:
    happened = [
        event("channel_suppressed", channel="sms", reason="opt_out"),
        event("payment_received", amount="20.00", method="pix"),
    ]
    case = {"opened_at": NINE, "invoice": "A-1", "queue": "disputes", "reason": "dispute"}
    lines = told(capsys, happened=happened, cases=[case], messages=[message("sms", step="on:payment")])
    assert [line[20:] for line in lines[1:]] == [
        "< payment of BRL 20.00 by pix",
        "payment                    sms       pt-BR  delivered",
        "< no more sms, please",
        "case                       disputes: dispute",
    ]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (event("hold_placed", until="2026-02-03T03:00:00Z", reason="moving"), "< on hold to the end of 2026-02-02 (moving)"),
        (event("hold_placed", until=None, reason="moving"), "< on hold (moving)"),
        (event("payment_reversed", amount="5"), "< payment of BRL 5.00 taken back"),
        (event("promise_made", amount="5", by="2026-02-02"), "< BRL 5.00 promised by 2026-02-02"),
        (event("dispute_opened", reason="price"), "< disputed (price)"),
        (event("dispute_opened", reason="price", amount="5", answer_by="2026-02-02"), "< BRL 5.00 of it disputed (price), to be answered by 2026-02-02"),
        (event("dispute_assigned", owner="sales"), "dispute: sales deals with it"),
        (event("dispute_overdue"), "dispute not answered in time"),
        (event("dispute_resolved", outcome="upheld"), "dispute upheld"),
        (event("dispute_resolved", outcome="upheld", credit="5"), "dispute upheld, BRL 5.00 credited"),
        (event("approval_asked", step="final", by="manager"), "final                      waits for approval"),
        (event("approval_given", step="final"), "final                      approved"),
        (event("approval_refused", step="final", reason="rude"), "final                      refused (rude)"),
        (event("approval_timed_out", step="final"), "final                      not approved in time"),
        (event("due_date_extended", due_on="2026-02-02", reason="moving"), "extended to 2026-02-02 (moving)"),
        (event("escalated", stage="formal"), "escalated to stage formal"),
        (event("channel_suppressed", channel="email", reason="bad_address"), "no more email: bad_address"),
        (event("replied", channel="sms"), "< reply by sms, for a person to read"),
    ],
)  # fmt: skip
def test_a_story_says_what_happened(
    capsys: pytest.CaptureFixture[str], row: dict[str, Any], text: str
) -> None:
    assert told(capsys, happened=[row])[1] == f"  2026-01-20 09:00  {text}"


def test_the_longest_lines_of_a_story_fit_a_hundred_columns(capsys: pytest.CaptureFixture[str]) -> None:
    failed = message("whatsapp", "failed", occurrence=2, error_class="recipient_limit")
    owed = invoice(
        state="awaiting_approval",
        closed_at=None,
        amount=Decimal("999999.99"),
        balance=Decimal("999999.99"),
        invoice="2026-0001",
    )
    lines = told(capsys, invoices=[owed], messages=[failed | {"invoice": "2026-0001"}])
    assert max(map(len, lines)) <= 100


def test_a_broken_invariant_is_named_with_what_broke_it(capsys: pytest.CaptureFixture[str]) -> None:
    good = Check(number=1, title="Order", checked=3, violations=(), known=())
    bad = Check(number=2, title="Once", checked=3, violations=("invoice 7: two",), known=("a lying list",))
    assert print_invariants([good]) is True
    assert print_invariants([bad, good]) is False
    assert capsys.readouterr().out.splitlines()[1:] == [
        "invariant 1 holds: Order (3 checked)",
        "invariant 2 BROKEN: Once (3 checked; known: a lying list)",
        "    invoice 7: two",
    ]


@pytest.mark.parametrize("quiet", [True, False])
def test_a_broken_invariant_makes_the_exit_status_1(quiet: bool) -> None:
    good = Check(number=1, title="Order", checked=3, violations=(), known=())
    judge(Played(report(), [good]), quiet=quiet)
    bad = good.model_copy(update={"violations": ("invoice 7",)})
    with pytest.raises(typer.Exit) as left:
        judge(Played(report(), [good, bad]), quiet=quiet)
    assert left.value.exit_code == 1


def test_progress_without_a_terminal_is_a_line_for_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("Playing") as progress:
        for hundredth in range(0, 101, 4):
            progress(hundredth / 100)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[1:] == [f"Playing: {tenth * 10} %" for tenth in range(11)]
