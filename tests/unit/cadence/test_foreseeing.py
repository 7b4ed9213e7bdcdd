"""Caps foreseen: what will hold a message back is said beforehand, and nothing is moved for it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cadence.agenda import AgendaItem
from cadence.caps import Contact
from cadence.customer_facts import CustomerFacts
from cadence.directive import ItemKind
from cadence.document import Cadence
from cadence.facts import ANSWER_STEP
from cadence.foreseeing import Said, caps_ahead
from cadence.rules import Rules, rules_for
from cadence.words import Channel, Language
from starter.documents import read_creditor, read_packs

# Nine in Bogotá, a working day without a holiday near.
MONDAY = datetime(2026, 3, 9, 14, tzinfo=UTC)
DAY = timedelta(days=1)
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


def heard(at: datetime, of: str | None = None) -> Said:
    return Said(Contact(at, Channel.EMAIL), of)


def test_a_contact_of_another_invoice_on_that_day_is_foreseen_to_defer_a_message() -> None:
    found = caps_ahead([message(MONDAY)], [heard(MONDAY)], rules_in("CO"))
    foreseen = found["one/1/email"]
    assert (foreseen.rule, foreseen.until) == ("co-once-a-day", MONDAY + DAY)
    assert foreseen.words == "After a contact, a consumer is contacted at most once a day."
    assert "Ley 2300" in foreseen.source


def test_what_comes_before_on_the_agenda_counts_where_it_will_leave() -> None:
    ahead = [message(MONDAY, "one"), message(MONDAY + DAY, "two"), message(MONDAY + 2 * DAY, "three")]
    found = caps_ahead(ahead, [heard(MONDAY)], rules_in("CO"))
    untils = {key: foreseen.until for key, foreseen in found.items()}
    assert untils == {
        "one/1/email": MONDAY + DAY,
        "two/1/email": MONDAY + 2 * DAY,
        "three/1/email": MONDAY + 3 * DAY,
    }


def test_another_channel_in_the_week_is_foreseen_to_wait_for_the_next() -> None:
    ahead = [message(MONDAY, "one"), message(MONDAY + 2 * DAY, "two", Channel.SMS)]
    (foreseen,) = caps_ahead(ahead, [], rules_in("CO")).values()
    assert (foreseen.rule, foreseen.until) == ("co-one-channel-a-week", MONDAY + 7 * DAY)


def test_an_earlier_attempt_at_the_very_message_is_no_contact_beside_it() -> None:
    assert caps_ahead([message(MONDAY)], [heard(MONDAY, "one/1")], rules_in("CO")) == {}
    assert caps_ahead([message(MONDAY)], [heard(MONDAY, "two/1")], rules_in("CO")) != {}


def test_what_will_be_skipped_takes_nobodys_turn() -> None:
    ahead = [message(MONDAY, "one", why="condition"), message(MONDAY, "two")]
    assert caps_ahead(ahead, [], rules_in("CO")) == {}


def test_an_answer_a_case_and_a_search_for_a_lost_message_are_no_contacts() -> None:
    case = AgendaItem("case/1", ItemKind.OPEN_CASE, MONDAY, "planned", "case")
    lost = message(MONDAY, "lost")._replace(kind=ItemKind.RECONCILE_MESSAGE)
    ahead = [message(MONDAY, ANSWER_STEP), case, lost, message(MONDAY, "two")]
    assert caps_ahead(ahead, [], rules_in("CO")) == {}


def test_where_no_rule_sets_a_limit_nothing_is_foreseen() -> None:
    assert caps_ahead([message(MONDAY)], [heard(MONDAY)] * 9, rules_in("BR")) == {}


def test_a_rule_of_yesterday_defers_nothing_tomorrow() -> None:
    before = datetime(2023, 6, 5, 14, tzinfo=UTC)
    assert before.date() < date(2024, 1, 1)
    assert caps_ahead([message(before)], [heard(before)], rules_in("CO")) == {}
