"""Hypothesis strategies for all that `plan()` may meet: cadences, customers, due dates and instants."""

from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from cadence.customer_facts import CustomerFacts
from cadence.customers import reduce_customer
from cadence.document import Cadence
from cadence.events import ContactReceived, PreferenceStated
from cadence.spans import WEEKDAYS
from cadence.words import Channel
from tests.unit.cadence.pieces import ADDRESSES, cadence, case, customer, hand_over, send

# With and without summer time, at midnight (Santiago), by half an hour (Lord Howe), at both ends of the day line.
PLACES = (
    ("America/Sao_Paulo", "BR"),
    ("America/New_York", "US"),
    ("Europe/Lisbon", "PT"),
    ("Europe/Paris", "FR"),
    ("America/Santiago", "CL"),
    ("Australia/Lord_Howe", "AU"),
    ("Pacific/Kiritimati", "KI"),
    ("Pacific/Pago_Pago", "US"),
    ("Africa/Casablanca", "MA"),
    ("UTC", "ZZ"),
)
# Whom a step may name; anybody but the billing contact may be missing.
ROLES = ("billing", "boss", "owner")
# Those of a contact: some or all of their own, or the billing contact's.
OTHER_ADDRESSES: tuple[dict[Channel, str], ...] = (
    {Channel.EMAIL: "boss"},
    {Channel.SMS: "boss"},
    dict.fromkeys(Channel, "boss"),
    ADDRESSES,
)
STAGES = ("courtesy", "overdue", "final")
CONDITIONS = (None, None, None, "balance > 50", "country in ['BR', 'PT']", "broken_promises == 0")

# Each is made once: to make a strategy, and to look through it before its first draw, takes longer than to draw.
due_dates = st.dates(date(2024, 1, 1), date(2027, 12, 31))
instants = st.datetimes(datetime(2024, 1, 1), datetime(2028, 6, 30), timezones=st.just(UTC))  # noqa: DTZ001 - made aware by `timezones`
policies = st.sampled_from(["send", "collapse", "ask", {"skip_after": "2d"}, None])
graces = st.integers(0, 2) | st.just({"default": 1, "boleto": 3})
channels = st.lists(st.sampled_from([str(c) for c in Channel]), min_size=1, max_size=3, unique=True)
conditions = st.sampled_from(CONDITIONS)
silences = st.sampled_from(["failure", "silence 4h", "silence 1d"])
approvals = st.sampled_from(["skip", "send", "ask"])
rolls = st.sampled_from(["forward", "backward", "none"])
undisputed = st.sampled_from(["collect", "wait"])
plan_reminders = st.sampled_from([(), ("due",), ("due - 3d", "due")])
places = st.sampled_from(PLACES)
other_addresses = st.sampled_from(OTHER_ADDRESSES)
other_roles = st.sampled_from([(), ROLES[1:2], ROLES[1:]])
roles = st.sampled_from([ROLES[0], *ROLES])
copied_roles = {
    role: st.lists(st.sampled_from([each for each in ROLES if each != role]), unique=True) for role in ROLES
}
some_channels = st.sets(st.sampled_from(list(Channel)), max_size=3)
channels_or_none = st.none() | st.sets(st.sampled_from(list(Channel)), min_size=1)
some_weekdays = st.sets(st.sampled_from(WEEKDAYS), min_size=1)
weekdays_or_none = st.none() | some_weekdays
minutes_or_none = st.none() | st.integers(0, 23 * 60)
opening = st.integers(0, 22 * 60)
booleans = st.booleans()
first_days, gaps, last_gaps = st.integers(-10, 5), st.integers(1, 12), st.integers(1, 20)
lengths, endings = st.integers(1, 5), st.integers(1, 2)
up_to_three, up_to_four = st.integers(0, 3), st.integers(0, 4)


@st.composite
def contacts(draw: st.DrawFn) -> list[ContactReceived]:
    """People at a customer beside the billing contact: none, one, or one for each role that a step may name."""
    return [
        ContactReceived(contact=number, role=role, addresses=draw(other_addresses))
        for number, role in enumerate(draw(other_roles), 1)
    ]


any_contacts = contacts()


@st.composite
def customers(draw: st.DrawFn) -> CustomerFacts:
    """Customers of many places, some of whom lack an address, or have contacts beside the billing contact."""
    zone, country = draw(places)
    known = draw(some_channels) if draw(booleans) else set(Channel)
    facts = customer(zone, country, addresses={c: ADDRESSES[c] for c in Channel if c in known})
    return reduce(reduce_customer, draw(any_contacts), facts)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """Windows of every length, from any day's first minute to its last."""
    opens = draw(opening)
    closes = draw(st.integers(opens + 60, 24 * 60 - 1))
    days = draw(some_weekdays)
    return {
        "days": [day for day in WEEKDAYS if day in days],
        "opens": f"{opens // 60:02}:{opens % 60:02}",
        "closes": f"{closes // 60:02}:{closes % 60:02}",
    }


def office_hours() -> st.SearchStrategy[dict[str, Any]]:
    """What most cadences have."""
    return st.just({"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "09:00", "closes": "18:00"})


def _message(draw: st.DrawFn, /, step_id: str, at: str, **more: Any) -> dict[str, Any]:
    """A step that sends, over one to three channels, with silence rules here and there."""
    way = draw(channels)
    fallback = {channel: draw(silences) for channel in way if draw(booleans)}
    more |= _written_to(draw, way)
    return send(step_id, at, *way, fallback=fallback, when=draw(conditions), **more)


def _written_to(draw: st.DrawFn, way: list[str]) -> dict[str, Any]:
    """Whom a message names: mostly the billing contact alone, or another, and others in the copies of an e-mail."""
    to = draw(roles)
    return {"to": to, "cc": draw(copied_roles[to]) if way == ["email"] else []}


@st.composite
def rulers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps in the order of their days, the last of which may close the invoice."""
    steps: list[dict[str, Any]] = []
    day = draw(first_days)
    for index in range(draw(lengths)):
        hangs = index > 0 and draw(up_to_three) == 0
        gap = draw(gaps)
        day += gap
        at = f"previous + {gap}d" if hangs else f"due {'+' if day >= 0 else '-'} {abs(day)}d"
        stage = STAGES[max(min(index - 1, 2), STAGES.index(steps[-1]["stage"]) if steps else 0)]
        more = {"stage": stage, "missed": draw(policies)}
        step = _message(draw, f"s{index}", at, **more) if draw(up_to_three) else case(f"s{index}", at, **more)
        steps.append(step)
    if draw(booleans):
        steps.append(hand_over("exit", f"previous + {draw(last_gaps)}d", stage="final"))
    for step in steps:
        if "open_case" not in step and draw(up_to_four) == 0:
            step["approval"] = {"otherwise": draw(approvals)}
    return steps


any_ruler = rulers()
any_window = office_hours() | windows()


@st.composite
def cadences(draw: st.DrawFn, window: st.SearchStrategy[dict[str, Any]] | None = None) -> Cadence:
    """Cadences that lint would let pass, with every branch that answers the customer or none."""
    steps = draw(any_ruler)
    way = draw(channels)
    notice = {"template": "notice", "channels": way} | _written_to(draw, way)
    answers = {
        "dispute": {
            "notice": notice,
            "partial_notice": notice,
            "resolved_notice": notice,
            "upheld_notice": notice,
            "undisputed": draw(undisputed),
        },
        "promise": {"notice": notice, "grace": draw(graces)},
        "broken_promise": {"reminder": notice},
        "plan": {
            "notice": notice,
            "reminders": [{"at": at, "send": notice} for at in draw(plan_reminders)],
            "grace": draw(graces),
            "missed": {"reminder": notice},
            "ends_after_missed": draw(endings),
        },
        "payment": {"notice": notice},
    }
    return cadence(
        *steps,
        stages=STAGES,
        window=draw(any_window if window is None else window),
        calendar={"country": "customer", "roll": draw(rolls)},
        branches=answers if draw(booleans) else {},
    )


def days_apart(most: int) -> st.SearchStrategy[timedelta]:
    """A number of days from none to `most`."""
    return st.integers(0, most).map(lambda count: timedelta(days=count))


@st.composite
def wishes(draw: st.DrawFn) -> PreferenceStated:
    """How a customer may want to be reached: by some channels, on some days, in some hours; or as anybody."""
    by, on, opens = draw(channels_or_none), draw(weekdays_or_none), draw(minutes_or_none)
    hours = None
    if opens is not None:
        closes = draw(st.integers(opens + 1, 24 * 60 - 1))
        hours = f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"
    return PreferenceStated(
        channels=None if by is None else tuple(channel for channel in Channel if channel in by),
        hours=hours,
        days=None if on is None else tuple(day for day in WEEKDAYS if day in on),
    )
