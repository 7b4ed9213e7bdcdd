"""Caps foreseen: what will hold a message back is said beforehand, and nothing is moved for it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cadence.agenda import AgendaItem
from cadence.caps import Contact
from cadence.customer_facts import CustomerFacts
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.facts import ANSWER_STEP
from cadence.foreseeing import Ahead, CapForeseen, Said, caps_ahead
from cadence.rules import Rules, rules_for
from cadence.words import Channel, Language
from starter.documents import read_creditor, read_packs

# Nine in Bogotá, a working day without a holiday near.
MONDAY = datetime(2026, 3, 9, 14, tzinfo=UTC)
DAY = timedelta(days=1)
DUE = date(2026, 3, 9)
CREDITOR, PACKS = read_creditor(Path("creditor.yaml")), read_packs(Path("policies"))
ONE = {"id": "one", "at": "due", "stage": "s", "send": {"template": "overdue_first", "channels": ["email"]}}
CADENCE = Cadence.model_validate({
    "name": "one", "title": "One", "segments": ["s"], "stages": ["s"], "debtors": "consumer", "steps": [ONE],
})  # fmt: skip


def rules_in(country: str) -> Rules:
    customer = CustomerFacts(segment="s", language=Language.ES, country=country, zone="America/Bogota")
    return rules_for(CADENCE, customer, CREDITOR, PACKS)


def message(
    at: datetime, step: str = "one", channel: Channel = Channel.EMAIL, why: str = "planned"
) -> AgendaItem:
    kind = ItemKind.SEND_EMAIL if channel is Channel.EMAIL else ItemKind.SEND_SMS
    return AgendaItem(f"{step}/1/{channel}", kind, at, why, step, 1, channel)


def heard(at: datetime, of: str = "elsewhere/1", invoice: int = 1) -> Said:
    return Said(Contact(at, Channel.EMAIL), invoice, of)


def ahead_of(
    *items: AgendaItem, invoice: int = 1, country: str = "CO", due_on: date = DUE, cadence: Cadence = CADENCE
) -> Ahead:
    return Ahead(invoice, items, cadence, rules_in(country), due_on)


def caps(
    items: Sequence[AgendaItem], said: Sequence[Said] = (), country: str = "CO"
) -> dict[str, CapForeseen]:
    """The caps that will defer messages of one invoice, by their keys."""
    found = caps_ahead([ahead_of(*items, country=country)], said)
    return {key: foreseen for (_, key), foreseen in found.items()}


def test_a_contact_of_another_invoice_on_that_day_is_foreseen_to_defer_a_message() -> None:
    found = caps([message(MONDAY)], [heard(MONDAY)])
    foreseen = found["one/1/email"]
    assert (foreseen.rule, foreseen.until) == ("co-once-a-day", MONDAY + DAY)
    assert foreseen.words == "After a contact, a consumer is contacted at most once a day."
    assert "Ley 2300" in foreseen.source


def test_what_comes_before_on_the_agenda_counts_where_it_will_leave() -> None:
    ahead = [message(MONDAY, "one"), message(MONDAY + DAY, "two"), message(MONDAY + 2 * DAY, "three")]
    found = caps(ahead, [heard(MONDAY)])
    untils = {key: foreseen.until for key, foreseen in found.items()}
    assert untils == {
        "one/1/email": MONDAY + DAY,
        "two/1/email": MONDAY + 2 * DAY,
        "three/1/email": MONDAY + 3 * DAY,
    }


def test_another_channel_in_the_week_is_foreseen_to_wait_for_the_next() -> None:
    ahead = [message(MONDAY, "one"), message(MONDAY + 2 * DAY, "two", Channel.SMS)]
    (foreseen,) = caps(ahead).values()
    assert (foreseen.rule, foreseen.until) == ("co-one-channel-a-week", MONDAY + 7 * DAY)


def test_an_earlier_attempt_at_the_very_message_is_no_contact_beside_it() -> None:
    assert caps([message(MONDAY)], [heard(MONDAY, "one/1")]) == {}
    assert caps([message(MONDAY)], [heard(MONDAY, "two/1")]) != {}


def test_what_will_be_skipped_takes_nobodys_turn() -> None:
    ahead = [message(MONDAY, "one", why="condition"), message(MONDAY, "two")]
    assert caps(ahead) == {}


def test_an_answer_a_case_and_a_search_for_a_lost_message_are_no_contacts() -> None:
    case = AgendaItem("case/1", ItemKind.OPEN_CASE, MONDAY, "planned", "case")
    lost = message(MONDAY, "lost")._replace(kind=ItemKind.RECONCILE_MESSAGE)
    ahead = [message(MONDAY, ANSWER_STEP), case, lost, message(MONDAY, "two")]
    assert caps(ahead) == {}


def test_where_no_rule_sets_a_limit_nothing_is_foreseen() -> None:
    assert caps([message(MONDAY)], [heard(MONDAY)] * 9, "BR") == {}


def test_a_rule_of_yesterday_defers_nothing_tomorrow() -> None:
    before = datetime(2023, 6, 5, 14, tzinfo=UTC)
    assert before.date() < date(2024, 1, 1)
    assert caps([message(before)], [heard(before)]) == {}


LADDER = Cadence.model_validate(
    CADENCE.model_dump(mode="json") | {
        "stages": ["s", "late"],
        "steps": [ONE, ONE | {"id": "late", "at": "due + 4d", "stage": "late"}],
    }
)  # fmt: skip


def test_where_a_cap_has_room_for_one_the_invoice_with_more_to_say_is_foreseen_to_go_first() -> None:
    young = ahead_of(message(MONDAY), invoice=1, cadence=LADDER)
    late = ahead_of(message(MONDAY, "late"), invoice=2, cadence=LADDER)
    older = ahead_of(message(MONDAY), invoice=3, cadence=LADDER, due_on=DUE - DAY)
    found = caps_ahead([young, older, late], ())
    assert {invoice: foreseen.until for (invoice, _), foreseen in found.items()} == {
        3: MONDAY + DAY,
        1: MONDAY + 2 * DAY,
    }


def test_what_was_deferred_competes_with_what_is_planned_for_the_day_it_comes_to() -> None:
    two = ahead_of(message(MONDAY), message(MONDAY + DAY, "late"), invoice=1, cadence=LADDER)
    one = ahead_of(message(MONDAY), invoice=2, cadence=LADDER)
    found = caps_ahead([two, one], ())
    assert {key: foreseen.until for key, foreseen in found.items()} == {(2, "one/1/email"): MONDAY + 2 * DAY}


def test_messages_that_leave_as_one_are_one_contact() -> None:
    grouped = CADENCE.model_copy(update={"group_by": "customer"})
    ahead = [ahead_of(message(MONDAY), invoice=each, cadence=grouped) for each in range(3)]
    assert caps_ahead(ahead, ()) == {}
    found = caps_ahead(ahead, [heard(MONDAY, invoice=9)])
    assert {foreseen.until for foreseen in found.values()} == {MONDAY + DAY}
    assert len(found) == 3
