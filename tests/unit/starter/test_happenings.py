"""Happenings: each row is one fact, once, or is rejected in sentences."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadence import events as e
from cadence.agreements import Dispute
from cadence.problems import DocumentError
from cadence.words import Channel
from ledger.recording import Situation, Sums
from starter.documents import read_creditor
from starter.happening_row import COLUMNS
from starter.happenings import Happening, Happenings, Kind, read_happenings, to_fact

ROOT = Path(__file__).parents[3]
ZONE = ZoneInfo("America/Sao_Paulo")
LISBON = ZoneInfo("Europe/Lisbon")
DUE = date(2026, 2, 4)
STAGES = ("courtesy", "overdue", "final")
STANDS = Situation("active", "EUR", Decimal("80.00"), LISBON, STAGES, "overdue", DUE, ZONE)
PAID = replace(STANDS, sums=Sums(paid=Decimal(60)))
DISPUTED = replace(
    STANDS,
    dispute=Dispute(number=1, at=datetime(2026, 2, 1, tzinfo=UTC), reason="price"),
    sums=Sums(disputed=Decimal(30)),
)
HELD = replace(STANDS, on_hold=True)
CHARGED = replace(STANDS, sums=Sums(interest=Decimal(5), costs=Decimal(40)))
BASE = {"at": "2026-02-03T10:00", "invoice": "A-1"}


def happenings(tmp_path: Path, *rows: dict[str, str]) -> Happenings:
    path = tmp_path / "events.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return read_happenings(path, ZONE)


def one(tmp_path: Path, **cells: str) -> Happening:
    read = happenings(tmp_path, BASE | cells)
    assert read.rejected == ()
    return read.happenings[0]


def event(tmp_path: Path, **cells: str) -> e.InvoiceEvent:
    return to_fact(one(tmp_path, **cells), STANDS, "ana").event


def reason(tmp_path: Path, **cells: str) -> str:
    read = happenings(tmp_path, BASE | cells)
    assert read.happenings == ()
    return read.rejected[0].reason


@pytest.mark.parametrize(
    ("at", "instant"),
    [
        ("2026-02-03", datetime(2026, 2, 3, 3, 0, tzinfo=UTC)),
        ("2026-02-03T10:00", datetime(2026, 2, 3, 13, 0, tzinfo=UTC)),
        ("2026-02-03T10:00:00+01:00", datetime(2026, 2, 3, 9, 0, tzinfo=UTC)),
        ("2026-02-03T10:00Z", datetime(2026, 2, 3, 10, 0, tzinfo=UTC)),
    ],
)
def test_an_instant_without_an_offset_is_read_where_the_creditor_is(
    tmp_path: Path, at: str, instant: datetime
) -> None:
    assert one(tmp_path, at=at, event="resume").at == instant


def test_each_event_becomes_its_fact(tmp_path: Path) -> None:
    paid = event(tmp_path, event="payment", amount="12.50", reason="pix")
    assert paid == e.PaymentReceived(amount=Decimal("12.50"), currency="EUR", method="pix")
    back = to_fact(one(tmp_path, event="reversal", amount="5"), PAID, "ana").event
    assert back == e.PaymentReversed(amount=Decimal(5), currency="EUR")
    assert event(tmp_path, event="dispute", reason="price") == e.DisputeOpened(reason="price")
    assert event(tmp_path, event="dispute") == e.DisputeOpened(reason="unspecified")
    part = event(tmp_path, event="dispute", amount="12.50", date="2026-02-20", reason="price")
    assert part == e.DisputeOpened(reason="price", amount=Decimal("12.50"), answer_by=date(2026, 2, 20))
    row = one(tmp_path, event="assignment", date="2026-02-20", reason="sales")
    assigned = to_fact(row, DISPUTED, "ana").event
    assert assigned == e.DisputeAssigned(owner="sales", answer_by=date(2026, 2, 20))
    resolved = to_fact(one(tmp_path, event="resolution", reason="upheld"), DISPUTED, "ana").event
    assert resolved == e.DisputeResolved(outcome="upheld")
    row = one(tmp_path, event="resolution", reason="upheld", amount="5")
    credited = to_fact(row, DISPUTED, "ana").event
    assert credited == e.DisputeResolved(outcome="upheld", credit=Decimal(5))
    waits = replace(STANDS, awaiting=("final/1",))
    approved = to_fact(one(tmp_path, event="approval"), waits, "ana").event
    assert approved == e.ApprovalGiven(step="final", occurrence=1)
    refused = to_fact(one(tmp_path, event="refusal", reason="new_contact"), waits, "ana").event
    assert refused == e.ApprovalRefused(step="final", occurrence=1, reason="new_contact")
    extended = event(tmp_path, event="extension", date="2026-02-20", reason="goods_late")
    assert extended == e.DueDateExtended(due_on=date(2026, 2, 20), reason="goods_late", on=date(2026, 2, 3))
    assert to_fact(one(tmp_path, event="resume"), HELD, "ana").event == e.HoldEnded(hold=None)
    assert event(tmp_path, event="escalate") == e.Escalated(stage="overdue")
    assert event(tmp_path, event="escalate", reason="final") == e.Escalated(stage="final")
    assert event(tmp_path, event="cancel", reason="returned") == e.Cancelled(reason="returned")
    promised = event(tmp_path, event="promise", date="2026-02-09")
    assert promised == e.PromiseMade(amount=Decimal("80.00"), by=date(2026, 2, 9))


def test_a_pause_until_a_day_lasts_to_its_end_where_the_customer_is(tmp_path: Path) -> None:
    paused = event(tmp_path, event="pause", until="2026-02-10", reason="holidays")
    assert isinstance(paused, e.HoldPlaced)
    assert paused.until == datetime(2026, 2, 11, 0, 0, tzinfo=UTC)
    exact = event(tmp_path, event="pause", until="2026-02-10T12:00")
    assert isinstance(exact, e.HoldPlaced)
    assert exact.until == datetime(2026, 2, 10, 15, 0, tzinfo=UTC)
    assert "A-1" not in paused.hold, "the hold's name travels to Temporal, the creditor's numbers do not"


def test_a_payment_in_foreign_money_is_kept_for_a_person_to_look_at(tmp_path: Path) -> None:
    paid = event(tmp_path, event="payment", amount="10", currency="USD")
    assert paid == e.PaymentReceived(amount=Decimal(10), currency="USD")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            {"event": "escalate", "reason": "exit"},
            "reason: 'exit' is no stage of its cadence; it has courtesy",
        ),
        ({"event": "payment", "amount": "1.005"}, "amount: 1.005 has more decimals than EUR, which has 2"),
        ({"event": "reversal", "amount": "1", "currency": "USD"}, "currency: the invoice is in EUR"),
        ({"event": "promise", "date": "2026-02-09", "amount": "1.005"}, "has more decimals"),
        (
            {"event": "promise", "date": "2026-02-02"},
            "date: 2026-02-02 lies before 2026-02-03, the day of",
        ),
        ({"event": "reply", "text": "hello"}, "is not a fact of one invoice"),
        ({"event": "dispute", "amount": "1.005"}, "amount: 1.005 has more decimals than EUR, which has 2"),
        (
            {"event": "resolution", "reason": "upheld"},
            "event: the invoice is not disputed then; put a dispute before the resolution",
        ),
        (
            {"event": "assignment", "reason": "sales"},
            "not disputed then; put a dispute before the assignment",
        ),
        ({"event": "dispute", "amount": "80.01"}, "amount: only 80.00 is open; dispute no more than that"),
        ({"event": "resume"}, "event: the invoice is not on hold then; put a pause before the resume"),
        ({"event": "approval"}, "event: no step waits for approval; put it after the day on which the step"),
        (
            {"event": "extension", "date": "2026-02-03"},
            "date: the invoice is due on 2026-02-04; an extension",
        ),
        ({"event": "promise", "date": "2025-02-09"}, "date: 2025-02-09 lies before 2026-02-03, the day of"),
        ({"event": "dispute", "date": "2026-02-02"}, "date: 2026-02-02 lies before 2026-02-03, the day of"),
        ({"event": "pause", "until": "2026-02-02"}, "until: 2026-02-02 is over before this begins"),
        ({"event": "pause", "until": "2026-02-03T09:00"}, "until: 2026-02-03 12:00:00.00:00 is over before"),
    ],
)
def test_what_makes_no_sense_for_the_invoice_is_refused(
    tmp_path: Path, cells: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        to_fact(one(tmp_path, **cells), STANDS, "ana")


def test_a_promise_without_an_amount_is_of_what_is_not_promised_yet(tmp_path: Path) -> None:
    row = one(tmp_path, event="promise", date="2026-02-09")
    told = to_fact(row, replace(STANDS, promised=Decimal(30)), "ana").event
    assert told == e.PromiseMade(amount=Decimal(50), by=date(2026, 2, 9))
    with pytest.raises(ValueError, match="it is promised already"):
        to_fact(row, replace(STANDS, promised=Decimal(80)), "ana")


def test_nothing_is_escalated_past_the_end(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="last stage"):
        to_fact(one(tmp_path, event="escalate"), replace(STANDS, next_stage=None), "ana")


def test_a_resolution_credits_no_more_than_is_disputed(tmp_path: Path) -> None:
    row = one(tmp_path, event="resolution", reason="upheld", amount="30.01")
    with pytest.raises(ValueError, match="amount: only 30 is disputed; credit no more than that"):
        to_fact(row, DISPUTED, "ana")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"event": "paid"}, "event: 'paid' is no event; write payment, reversal, dispute"),
        ({"event": "payment"}, "amount: is missing; a payment needs it"),
        ({"event": "payment", "amount": "-1"}, "amount: '-1' is not above zero"),
        ({"event": "payment", "amount": "1,5"}, "amount: '1,5' is no amount"),
        ({"event": "payment", "amount": "1", "currency": "XYZ"}, "currency: 'XYZ' is not a currency"),
        (
            {"event": "payment", "amount": "1", "until": "2026-02-01"},
            "until: means nothing for the event payment",
        ),
        ({"event": "promise"}, "date: is missing; a promise needs it"),
        (
            {"event": "resolution", "reason": "maybe"},
            "reason: 'maybe' is no reason of a resolution; write upheld",
        ),
        ({"event": "resolution"}, "reason: is missing; a resolution needs it"),
        ({"event": "reply"}, "text: is missing; a reply needs it"),
        (
            {"event": "reply", "text": "x", "reason": "fax"},
            "reason: 'fax' is no reason of a reply; write sms",
        ),
        ({"event": "pause", "until": "soon"}, "until: 'soon' is no ISO date or instant"),
        ({"event": "resume", "at": "3/2/2026"}, "at: '3/2/2026' is no ISO date or instant"),
        ({"event": "resume", "at": "0001-01-01"}, "at: 0001-01-01 lies outside the years"),
        ({"event": "resume", "invoice": ""}, "invoice: is missing; a resume needs it"),
        ({"event": "", "at": ""}, "at: is missing; every event needs it; event: is missing"),
    ],
)
def test_a_wrong_row_is_rejected_with_what_was_expected(
    tmp_path: Path, cells: dict[str, str], sentence: str
) -> None:
    assert sentence in reason(tmp_path, **cells)


def test_a_file_without_its_required_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("at,amount\n2026-01-01,5\n")
    with pytest.raises(DocumentError, match="required columns are missing: event, invoice"):
        read_happenings(path, ZONE)


def test_happenings_come_in_the_order_of_time_and_ties_in_that_of_lines(tmp_path: Path) -> None:
    read = happenings(
        tmp_path,
        BASE | {"event": "cancel"},
        BASE | {"event": "resume", "at": "2026-02-01"},
        BASE | {"event": "dispute"},
    )
    assert [happening.line for happening in read.happenings] == [3, 2, 4]


def test_the_same_row_twice_is_one_happening_unless_each_has_its_id(tmp_path: Path) -> None:
    row = BASE | {"event": "payment", "amount": "10"}
    read = happenings(tmp_path, row, row | {"amount": "10.00"}, row | {"amount": "11"})
    assert [happening.line for happening in read.happenings] == [2, 4]
    assert read.rejected[0].reason.startswith("line 2 tells the same already")
    assert len(happenings(tmp_path, row | {"id": "1"}, row | {"id": "2"}).happenings) == 2


@pytest.mark.parametrize("kind", ["payment", "reversal"])
def test_the_id_of_money_is_the_one_that_webhooks_use(tmp_path: Path, kind: str) -> None:
    fact = to_fact(one(tmp_path, event=kind, amount="10", id="bank-7"), PAID, "ana")
    assert (fact.origin.source, fact.origin.external_id) == (kind, "bank-7")


def test_no_more_is_taken_back_than_was_paid(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only 60 was paid"):
        to_fact(one(tmp_path, event="reversal", amount="60.01"), PAID, "ana")


def test_a_dispute_and_its_resolution_may_carry_the_same_case_number(tmp_path: Path) -> None:
    opened = to_fact(one(tmp_path, event="dispute", id="7"), STANDS, "ana")
    resolved = to_fact(one(tmp_path, event="resolution", reason="upheld", id="7"), DISPUTED, "ana")
    assert opened.origin.external_id != resolved.origin.external_id


def test_free_text_stays_a_note_in_the_ledger(tmp_path: Path) -> None:
    fact = to_fact(one(tmp_path, event="cancel", text="Called Ana\x07 at noon"), STANDS, "ana")
    assert fact.origin.note == "Called Ana at noon"
    assert "noon" not in fact.event.model_dump_json()


def test_a_customer_s_money_has_an_id_and_names_its_payment(tmp_path: Path) -> None:
    assert "id: is missing" in reason(tmp_path, event="customer_payment", amount="5")
    assert "text: is missing" in reason(tmp_path, event="customer_reversal", id="back-1")
    back = one(tmp_path, event="customer_reversal", text="bank-1", id="back-1")
    assert (back.source, back.key, back.text) == ("reversal", "back-1", "bank-1")
    assert one(tmp_path, event="customer_payment", amount="5", id="bank-1").source == "payment"


def test_a_claim_is_of_interest_or_costs_or_both(tmp_path: Path) -> None:
    assert one(tmp_path, event="charge", reason="Costs", date="2026-02-01").reason == "costs"
    assert "'rent' is no reason of a charge" in reason(tmp_path, event="charge", reason="rent")
    waived = to_fact(one(tmp_path, event="waive", reason="goodwill"), CHARGED, "ana")
    assert waived.event == e.LateChargesWaived(interest=Decimal(5), costs=Decimal(40), currency="EUR")
    assert waived.origin.note == "goodwill"


def test_a_reply_may_name_its_channel(tmp_path: Path) -> None:
    assert one(tmp_path, event="reply", text="SAIR", reason="whatsapp").channel is Channel.WHATSAPP
    assert one(tmp_path, event="reply", text="SAIR").channel is None


def test_the_shipped_happenings_have_every_event_and_nothing_to_reject() -> None:
    zone = read_creditor(ROOT / "creditor.yaml").timezone
    read = read_happenings(ROOT / "samples/happenings.csv", zone)
    assert read.rejected == ()
    assert {happening.event for happening in read.happenings} == set(Kind)
    outcomes = {h.reason for h in read.happenings if h.event is Kind.RESOLUTION}
    assert outcomes == {"upheld", "rejected", "withdrawn"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.dictionaries(
        st.sampled_from(COLUMNS), st.text(st.characters(codec="utf-8"), max_size=40), min_size=2
    ),
    kind=st.sampled_from([*Kind, "x"]),
)
def test_hostile_rows_never_bring_a_traceback(tmp_path: Path, cells: dict[str, str], kind: str) -> None:
    clean = {name: text.replace("\0", "") for name, text in cells.items()}
    read = happenings(tmp_path, {**BASE, **clean, "event": kind})
    for happening in read.happenings:
        try:
            to_fact(happening, STANDS, "ana")
        except ValueError as refusal:
            assert ": " in str(refusal)  # noqa: PT017
    assert len(read.happenings) + len(read.rejected) == 1


def test_a_plan_is_divided_as_the_row_says(tmp_path: Path) -> None:
    told = event(tmp_path, event="plan", date="2026-02-09", reason="weekly-3")
    assert isinstance(told, e.PlanAgreed)
    assert [(part.due_on.day, part.amount) for part in told.instalments] == [
        (9, Decimal("26.66")), (16, Decimal("26.66")), (23, Decimal("26.68")),
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"80.00 is open; a plan is for that at most"):
        event(tmp_path, event="plan", date="2026-02-09", amount="80.01", reason="monthly-2")
    planned = replace(STANDS, on_plan=True)
    ended = to_fact(one(tmp_path, event="end_plan", reason="new"), planned, "ana").event
    assert ended == e.PlanEnded(reason="new")


def test_a_merge_names_an_invoice_of_who_stays(tmp_path: Path) -> None:
    found = one(tmp_path, event="merge", reason="duplicate", text="A-2")
    assert (found.into, found.reason) == ("A-2", "duplicate")
    assert one(tmp_path, event="reply", text="A-2").into is None
    assert reason(tmp_path, event="merge") == "text: is missing; a merge needs it"
    assert "has more than 30 characters" in reason(tmp_path, event="merge", text="A" * 31)
