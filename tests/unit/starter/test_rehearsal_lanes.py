"""Lanes: who belongs together, and what comes first of all that happens at one instant."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from cadence.directive import Item, ItemKind
from ledger.intake import InvoiceIntake
from starter.happenings import Happening, Kind
from starter.rehearsal.lanes import Due, lanes_of
from starter.rehearsal.player import Entry, HeldReceipt

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def row(customer: str, **changes: str | None) -> InvoiceIntake:
    values = {
        "number": f"{customer}-1",
        "customer": customer,
        "customer_name": "Sample Ltd",
        "segment": "smb",
        "language": "en",
        "country": "GB",
        "zone": "Europe/London",
        "email": f"{customer}@example.com",
        "issued_on": date(2026, 1, 5),
        "due_on": date(2026, 2, 5),
        "amount": Decimal("10.00"),
        "currency": "GBP",
    }
    return InvoiceIntake.model_validate(values | changes)


def item(invoice: str, key: str, at: datetime = NOON) -> Due:
    return Due(at, 2, (invoice, key), Item(key=key, kind=ItemKind.SEND_EMAIL, at=at))


def receipt(number: int, at: datetime = NOON) -> Due:
    return Due(at, 1, (f"{number:09d}", ""), HeldReceipt(str(number), timedelta(seconds=1)))


def happening(line: int, at: datetime = NOON) -> Due:
    return Due(at, 0, ("~", f"{line:09d}"), Happening(line, at, Kind.CANCEL, "A", "k"))


def test_customers_without_a_common_address_play_side_by_side() -> None:
    assert lanes_of([row("A"), row("B")]) == [{"A"}, {"B"}]


def test_customers_who_share_an_address_are_one_lane_in_whatever_case_it_is_written() -> None:
    rows = [row("A", email="pay@example.com"), row("B"), row("C", email="PAY@example.com")]
    assert sorted(map(sorted, lanes_of(rows))) == [["A", "C"], ["B"]]


def test_a_number_that_is_one_customers_phone_and_anothers_whatsapp_joins_them() -> None:
    rows = [row("A", phone="+447700900901"), row("B", whatsapp="+447700900901")]
    assert lanes_of(rows) == [{"A", "B"}]


def test_two_groups_that_a_later_row_connects_become_one_lane() -> None:
    rows = [
        row("A", email="one@example.com"),
        row("B", email="one@example.com"),
        row("C", email="two@example.com"),
        row("D", email="one@example.com", phone="+447700900901"),
        row("C", email="two@example.com", phone="+447700900901"),
    ]
    assert lanes_of(rows) == [{"A", "B", "C", "D"}]


def test_customers_of_whom_one_is_merged_into_the_other_are_one_lane() -> None:
    rows = [row("A"), row("B"), row("C")]
    merge = Happening(2, NOON, Kind.MERGE, "C-1", "k", text="A-1")
    assert sorted(map(sorted, lanes_of(rows, [merge]))) == [["A", "C"], ["B"]]


def test_what_comes_earlier_is_first_whatever_it_is() -> None:
    later = NOON + timedelta(seconds=1)
    assert min(item("A", "x"), happening(2, later)).at == NOON


def test_a_tie_goes_to_the_happening_then_the_receipt_then_the_agenda_item() -> None:
    tied = [item("A", "a"), receipt(1), happening(9)]
    assert [due.rank for due in sorted(tied)] == [0, 1, 2]


def test_an_invoice_enters_before_anything_happens_at_that_instant() -> None:
    entry = Due(NOON, 0, ("", "Z"), Entry(row("Z")))
    assert min(happening(2), entry) is entry


def test_happenings_of_one_instant_come_in_the_order_of_their_lines() -> None:
    assert [due.order[1] for due in sorted([happening(10), happening(9)])] == ["000000009", "000000010"]


def test_receipts_of_one_instant_come_in_the_order_in_which_the_provider_made_them() -> None:
    assert [due.order[0] for due in sorted([receipt(10), receipt(9)])] == ["000000009", "000000010"]


def test_agenda_items_of_one_instant_go_by_invoice_and_then_by_step() -> None:
    tied = [item("B", "a"), item("A", "b"), item("A", "a")]
    assert [due.order for due in sorted(tied)] == [("A", "a"), ("A", "b"), ("B", "a")]
