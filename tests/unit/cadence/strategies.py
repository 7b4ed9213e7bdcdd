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

due_dates = st.dates(date(2024, 1, 1), date(2027, 12, 31))
instants = st.datetimes(datetime(2024, 1, 1), datetime(2028, 6, 30), timezones=st.just(UTC))  # noqa: DTZ001 - made aware by `timezones`
policies = st.sampled_from(["send", "collapse", "ask", {"skip_after": "2d"}, None])
graces = st.integers(0, 2) | st.just({"default": 1, "boleto": 3})
channels = st.lists(st.sampled_from([str(c) for c in Channel]), min_size=1, max_size=3, unique=True)


@st.composite
def customers(draw: st.DrawFn) -> CustomerFacts:
    """Customers of many places, some of whom lack an address, or have contacts beside the billing contact."""
    zone, country = draw(st.sampled_from(PLACES))
    known = draw(st.sets(st.sampled_from(list(Channel)), max_size=3)) if draw(st.booleans()) else set(Channel)
    facts = customer(zone, country, addresses={c: ADDRESSES[c] for c in Channel if c in known})
    return reduce(reduce_customer, draw(contacts()), facts)


@st.composite
def contacts(draw: st.DrawFn) -> list[ContactReceived]:
    """People at a customer beside the billing contact: none, one, or one for each role that a step may name."""
    roles = draw(st.sampled_from([(), ROLES[1:2], ROLES[1:]]))
    addresses = st.sampled_from(OTHER_ADDRESSES)
    return [
        ContactReceived(contact=number, role=role, addresses=draw(addresses))
        for number, role in enumerate(roles, 1)
    ]


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """Windows of every length, from any day's first minute to its last."""
    opens = draw(st.integers(0, 22 * 60))
    closes = draw(st.integers(opens + 60, 24 * 60 - 1))
    days = draw(st.sets(st.sampled_from(WEEKDAYS), min_size=1))
    return {
        "days": [day for day in WEEKDAYS if day in days],
        "opens": f"{opens // 60:02}:{opens % 60:02}",
        "closes": f"{closes // 60:02}:{closes % 60:02}",
    }


def office_hours() -> st.SearchStrategy[dict[str, Any]]:
    """What most cadences have."""
    return st.just({"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "09:00", "closes": "18:00"})


@st.composite
def messages(draw: st.DrawFn, /, step_id: str, at: str, **more: Any) -> dict[str, Any]:
    """A step that sends, over one to three channels, with silence rules here and there."""
    way = draw(channels)
    spans = st.sampled_from(["failure", "silence 4h", "silence 1d"])
    fallback = {channel: draw(spans) for channel in way if draw(st.booleans())}
    more |= draw(written_to(way))
    return send(step_id, at, *way, fallback=fallback, when=draw(st.sampled_from(CONDITIONS)), **more)


@st.composite
def written_to(draw: st.DrawFn, way: list[str]) -> dict[str, Any]:
    """Whom a message names: mostly the billing contact alone, or another, and others in the copies of an e-mail."""
    to = draw(st.sampled_from([ROLES[0], *ROLES]))
    others = [role for role in ROLES if role != to]
    copies = draw(st.lists(st.sampled_from(others), unique=True)) if way == ["email"] else []
    return {"to": to, "cc": copies}


@st.composite
def rulers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps in the order of their days, the last of which may close the invoice."""
    steps: list[dict[str, Any]] = []
    day = draw(st.integers(-10, 5))
    for index in range(draw(st.integers(1, 5))):
        hangs = index > 0 and draw(st.integers(0, 3)) == 0
        gap = draw(st.integers(1, 12))
        day += gap
        at = f"previous + {gap}d" if hangs else f"due {'+' if day >= 0 else '-'} {abs(day)}d"
        stage = STAGES[max(min(index - 1, 2), STAGES.index(steps[-1]["stage"]) if steps else 0)]
        more = {"stage": stage, "missed": draw(policies)}
        step = (
            draw(messages(f"s{index}", at, **more))
            if draw(st.integers(0, 3))
            else case(f"s{index}", at, **more)
        )
        steps.append(step)
    if draw(st.booleans()):
        steps.append(hand_over("exit", f"previous + {draw(st.integers(1, 20))}d", stage="final"))
    for step in steps:
        if "open_case" not in step and draw(st.integers(0, 4)) == 0:
            step["approval"] = {"otherwise": draw(st.sampled_from(["skip", "send", "ask"]))}
    return steps


@st.composite
def cadences(draw: st.DrawFn, window: st.SearchStrategy[dict[str, Any]] | None = None) -> Cadence:
    """Cadences that lint would let pass, with every branch that answers the customer or none."""
    steps = draw(rulers())
    way = draw(channels)
    notice = {"template": "notice", "channels": way} | draw(written_to(way))
    answers = {
        "dispute": {
            "notice": notice,
            "partial_notice": notice,
            "resolved_notice": notice,
            "upheld_notice": notice,
            "undisputed": draw(st.sampled_from(["collect", "wait"])),
        },
        "promise": {"notice": notice, "grace": draw(graces)},
        "broken_promise": {"reminder": notice},
        "plan": {
            "notice": notice,
            "reminders": [
                {"at": at, "send": notice}
                for at in draw(st.sampled_from([(), ("due",), ("due - 3d", "due")]))
            ],
            "grace": draw(graces),
            "missed": {"reminder": notice},
            "ends_after_missed": draw(st.integers(1, 2)),
        },
        "payment": {"notice": notice},
    }
    roll = draw(st.sampled_from(["forward", "backward", "none"]))
    return cadence(
        *steps,
        stages=STAGES,
        window=draw(office_hours() | windows() if window is None else window),
        calendar={"country": "customer", "roll": roll},
        branches=answers if draw(st.booleans()) else {},
    )


def days_apart(most: int) -> st.SearchStrategy[timedelta]:
    """A number of days from none to `most`."""
    return st.integers(0, most).map(lambda count: timedelta(days=count))


@st.composite
def wishes(draw: st.DrawFn) -> PreferenceStated:
    """How a customer may want to be reached: by some channels, on some days, in some hours; or as anybody."""
    by = draw(st.none() | st.sets(st.sampled_from(list(Channel)), min_size=1))
    on = draw(st.none() | st.sets(st.sampled_from(WEEKDAYS), min_size=1))
    opens = draw(st.none() | st.integers(0, 23 * 60))
    hours = None
    if opens is not None:
        closes = draw(st.integers(opens + 1, 24 * 60 - 1))
        hours = f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"
    return PreferenceStated(
        channels=None if by is None else tuple(channel for channel in Channel if channel in by),
        hours=hours,
        days=None if on is None else tuple(day for day in WEEKDAYS if day in on),
    )
