"""Signals that say how a customer may be reached, through the ledger: as the commands do, once, without an address."""

import pytest
from sqlalchemy import select

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.directive import SignalNote
from cadence.words import Channel
from ledger.access import Ledger
from ledger.customer_intake import ContactIntake
from ledger.intake import receive
from ledger.keys import address_fingerprint
from ledger.recording import record_customer
from ledger.tables import events_table
from ledger.unit import Unit
from tests.integration.ledger.playing import ARRIVAL, FILE, row, take_in
from tests.integration.ledger.test_signals_in_turn import signalled

DIRECTOR = "director@example.com"
REACH = ("channel_suppressed", "suppression_lifted", "contact_forbidden", "contact_allowed", "consent_given")


@pytest.fixture
async def invoice(ledger: Ledger) -> int:
    """An invoice of a customer with an e-mail address and a number, and of a director with an address of their own."""
    (invoice,) = await take_in(ledger, row("A-1"))
    director = ContactIntake(
        customer="C-1", contact="director", role="director", name="Somebody Else", email=DIRECTOR
    )
    await receive(ledger, [director], ARRIVAL, FILE)
    return invoice


def note(name: str, told: str = "t-1", **fields: str) -> SignalNote:
    return SignalNote(name=name, id=told, at=ARRIVAL, fields=fields)


async def customer(ledger: Ledger, invoice: int) -> CustomerFacts:
    async with ledger.engine.begin() as connection:
        unit = Unit(connection, ledger.book, ARRIVAL)
        await unit.lock_invoice(invoice)
        return unit.customer_facts


async def log(ledger: Ledger) -> list[tuple[str, str | None]]:
    """What was told of how the customer may be reached or ignored, and what shows it."""
    told = select(events_table.c.type, events_table.c.note).order_by(events_table.c.id)
    async with ledger.engine.connect() as connection:
        rows = (
            await connection.execute(told.where(events_table.c.type.in_([*REACH, "signal_ignored"])))
        ).all()
    return [(row.type, row.note) for row in rows]


async def test_an_opt_out_closes_the_channel_once_and_stays_lifted_when_it_is_told_again(
    ledger: Ledger, invoice: int
) -> None:
    stop = note("suppress", "s-1", channel="sms")
    for _ in range(2):
        await signalled(ledger, invoice, stop)
    assert (await customer(ledger, invoice)).unusable(Channel.SMS) == "opt_out"
    await signalled(ledger, invoice, note("unsuppress", "u-1", channel="sms", proof="ticket-17"))
    await signalled(ledger, invoice, stop)
    assert (await customer(ledger, invoice)).unusable(Channel.SMS) is None
    assert await log(ledger) == [("channel_suppressed", None), ("suppression_lifted", "ticket-17")]


async def test_without_a_channel_every_channel_is_closed_and_what_is_no_reason_is_an_opt_out(
    ledger: Ledger, invoice: int
) -> None:
    await signalled(ledger, invoice, note("suppress", reason="Ana asked us to"))
    facts = await customer(ledger, invoice)
    assert {facts.suppressed[channel].reason for channel in Channel} == {"opt_out"}


async def test_what_is_said_of_the_person_forbids_all_contact_until_somebody_shows_why_not(
    ledger: Ledger, invoice: int
) -> None:
    await signalled(ledger, invoice, note("suppress", "s-1", reason="vulnerable", channel="sms"))
    await signalled(ledger, invoice, note("suppress", "s-2", reason="legal_cease"))
    await signalled(ledger, invoice, note("unsuppress", "u-1"))  # nothing shows it
    assert (await customer(ledger, invoice)).forbidden == ("vulnerable", "legal_cease")
    await signalled(ledger, invoice, note("unsuppress", "u-2", proof="letter-of-june"))
    assert (await customer(ledger, invoice)).forbidden == ()
    assert (await log(ledger))[2:] == [
        ("signal_ignored", None),
        ("contact_allowed", "letter-of-june"),
        ("contact_allowed", "letter-of-june"),
    ]


async def test_a_role_means_that_contact_and_not_the_billing_one(ledger: Ledger, invoice: int) -> None:
    await signalled(ledger, invoice, note("suppress", "s-1", role="director", reason="complaint"))
    facts, mark = await customer(ledger, invoice), address_fingerprint(DIRECTOR)
    assert facts.closed(Channel.EMAIL, mark) == "complaint"
    assert facts.unusable(Channel.EMAIL) is None
    given = {"role": "director", "channel": "email"}
    await signalled(ledger, invoice, note("unsuppress", "u-1", **given, proof="ticket-18"))
    await signalled(ledger, invoice, note("consent_given", "c-1", **given, wording="v3", proof="form-1"))
    facts = await customer(ledger, invoice)
    assert facts.closed(Channel.EMAIL, mark) is None
    assert [(each.channel, each.address, each.proof_at) for each in facts.consents] == [
        (Channel.EMAIL, mark, ARRIVAL)
    ]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("suppress", {"channel": "telegraph"}),
        ("suppress", {"role": "nobody"}),
        ("unsuppress", {"channel": "sms", "proof": "ticket-1"}),
        ("unsuppress", {"proof": "ticket-1"}),
        ("consent_given", {}),
        ("consent_given", {"channel": "sms", "wording": "v3"}),
        ("consent_given", {"channel": "sms", "wording": "Version three", "proof": "form-1"}),
        ("consent_given", {"channel": "sms", "wording": "v3", "proof": "a remark\0"}),
        ("consent_given", {"channel": "sms", "wording": "v3", "proof": "form-1", "role": "nobody"}),
    ],
)
async def test_what_makes_no_sense_or_is_no_news_changes_nothing(
    ledger: Ledger, invoice: int, name: str, fields: dict[str, str]
) -> None:
    before = await customer(ledger, invoice)
    await signalled(ledger, invoice, note(name, **fields))
    assert await customer(ledger, invoice) == before
    assert await log(ledger) == [("signal_ignored", None)]


async def test_an_opt_out_told_by_any_way_is_the_same_fact(ledger: Ledger, invoice: int) -> None:
    stop = e.ChannelSuppressed(channel=Channel.SMS, reason="opt_out")
    await record_customer(ledger, await ledger.owner(invoice), stop, FILE, ARRIVAL)
    await signalled(ledger, invoice, note("suppress", channel="sms"))
    assert [kind for kind, _ in await log(ledger)] == ["channel_suppressed", "signal_ignored"]
