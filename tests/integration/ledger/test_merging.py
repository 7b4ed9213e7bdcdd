"""Two customers who are one: what goes over, what holds from then on, and whom the old key names."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from cadence import events as e
from cadence.customer_facts import CustomerFacts
from cadence.words import Channel
from ledger.access import Ledger
from ledger.checks import check_invariants
from ledger.conversations import IncomingReply, record_reply
from ledger.customer_intake import ContactIntake, CustomerIntake
from ledger.database import LedgerError, UnknownCustomer
from ledger.intake import receive
from ledger.merging import Merged, merge, preview_merge
from ledger.publishing import publish
from ledger.queries import show_invoice
from ledger.recording import Fact, record, record_customer
from ledger.searching import customer_view, search_customers
from ledger.sending import permit
from ledger.service_tables import contacts
from ledger.tables import customers, invoices
from ledger.unit import Origin
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import (
    ARRIVAL,
    COURTESY_AT,
    CREDITOR,
    DAY,
    FILE,
    MINUTE,
    REMINDER_AT,
    order_of,
    row,
    send,
    take_in,
)
from tests.integration.ledger.test_caps import MONDAY, PACKS, ask, consumers

BOSS = Origin("boss", "test")
TELLER = Origin("tester", "test")
PAID = e.PaymentReceived(amount=Decimal("120.50"), currency="EUR")


async def both(ledger: Ledger, **changes: object) -> list[int]:
    """Two invoices of one person, who is in the books as C-1 and as C-2."""
    return await take_in(ledger, row("INV-1"), row("INV-2", "C-2", phone="+351900000456", **changes))


async def merged(ledger: Ledger, key: str = "C-1", into: str = "C-2") -> Merged:
    return await merge(ledger, key, into, "duplicate", BOSS, ARRIVAL)


def written(told: str, body: str, intent: str) -> IncomingReply:
    """What somebody wrote from the number of C-1."""
    return IncomingReply(Channel.SMS, "twilio", told, "+351900000123", body, ARRIVAL, intent)


async def facts_of(ledger: Ledger, key: str) -> CustomerFacts:
    async with ledger.engine.connect() as connection:
        stored = await connection.execute(select(customers.c.facts).where(customers.c.key == key))
        return CustomerFacts.model_validate(stored.scalar_one())


async def tell(ledger: Ledger, key: str, *events: e.CustomerEvent) -> None:
    for event in events:
        await record_customer(ledger, await ledger.customer_id(key), event, TELLER, ARRIVAL)


async def agree(ledger: Ledger) -> list[str]:
    """What breaks an invariant."""
    found = await check_invariants(ledger.engine, ledger.book, ARRIVAL)
    return [violation for check in found for violation in check.violations]


async def story(ledger: Ledger, number: str) -> list[str]:
    return [event.type for event in (await show_invoice(ledger.engine, number)).events]


async def test_invoices_contacts_and_replies_go_over_and_the_old_key_names_who_stays(ledger: Ledger) -> None:
    await both(ledger)
    contact = ContactIntake(
        customer="C-1", contact="ana", role="billing", name="Ana Inventada", phone="+351900000123"
    )
    boss = ContactIntake(customer="C-1", contact="rui", role="boss", name="Rui Inventado")
    hers = ContactIntake(customer="C-2", contact="ana", role="boss", name="Ana Invented")
    await receive(ledger, [contact, boss, hers], ARRIVAL, FILE)
    reply = written("SM1", "ok", "other")
    await record_reply(ledger, reply, ARRIVAL)

    moved = await merged(ledger)

    assert moved == Merged("C-1", "C-2", ("INV-1",), (), 2, 1, (), recorded=True, segment="standard")
    assert await ledger.customer_id("C-1") == await ledger.customer_id("C-2")
    async with ledger.engine.connect() as connection:
        view = await customer_view(connection, "C-1", CREDITOR.zone)
        kept = (await connection.execute(select(contacts).order_by(contacts.c.id))).all()
    assert (view.card.key, view.merged_keys, view.invoices) == ("C-2", ("C-1",), {"scheduled": 2})
    assert sorted((each.key, each.role) for each in kept) == [
        ("ana", "boss"),
        ("former-ana", "former-billing"),
        ("rui", "former-boss"),
    ]
    told = await show_invoice(ledger.engine, "INV-1")
    assert (told.customer.key, told.customer.email) == ("C-2", "c-2@example.com")
    assert [each.body for each in told.replies] == ["ok"]
    found = await search_customers(ledger.engine, text="C-1")
    assert [line.key for line in found.items] == ["C-2"]
    assert await agree(ledger) == []


async def test_each_story_tells_the_merge_and_only_what_was_of_its_customer_then(ledger: Ledger) -> None:
    await both(ledger)
    await tell(ledger, "C-2", e.PreferenceStated(days=("mon",)))
    await tell(ledger, "C-1", e.ContactForbidden(reason="vulnerable"))
    await merged(ledger)
    await tell(ledger, "C-1", e.ContactAllowed(reason="vulnerable"))

    moved = await story(ledger, "INV-1")
    assert "preference_stated" not in moved
    assert moved[-4:] == ["contact_forbidden", "customer_merged", "invoice_moved", "contact_allowed"]
    assert (await story(ledger, "INV-2"))[-4:] == [
        "preference_stated", "customer_absorbed", "contact_forbidden", "contact_allowed",
    ]  # fmt: skip
    assert await agree(ledger) == []


async def test_the_stricter_of_both_holds_and_what_one_of_them_wanted_stays_theirs(ledger: Ledger) -> None:
    same = {"email": "one@example.com"}
    await take_in(ledger, row("INV-1", **same), row("INV-2", "C-2", phone="+351900000456", **same))
    gone = await facts_of(ledger, "C-1")
    sms = gone.addresses[Channel.SMS]
    await tell(
        ledger,
        "C-1",
        e.ChannelSuppressed(channel=Channel.EMAIL, reason="opt_out"),
        e.ChannelSuppressed(channel=Channel.SMS, reason="wrong_person", address=sms),
        e.ContactForbidden(reason="vulnerable"),
        e.PreferenceStated(days=("mon",)),
        *(
            e.ConsentGiven(channel=each, address=gone.addresses[each], wording="terms", proof_at=ARRIVAL)
            for each in (Channel.EMAIL, Channel.SMS)
        ),
    )
    await tell(ledger, "C-2", e.PreferenceStated(days=("tue",)))

    foreseen = await preview_merge(ledger, "C-1", "C-2", ARRIVAL)
    assert foreseen.told == (
        "channel_suppressed", "channel_suppressed", "contact_forbidden", "consent_given",
    )  # fmt: skip
    assert await ledger.customer_id("C-1") != await ledger.customer_id("C-2")
    await merged(ledger)

    stays = await facts_of(ledger, "C-2")
    assert stays.forbidden == ("vulnerable",)
    assert stays.preference.days == ("tue",)
    assert [given.channel for given in stays.consents] == [Channel.EMAIL]
    suppression = stays.suppression(Channel.EMAIL)
    assert suppression is not None
    assert suppression.reason == "opt_out"
    # The number that is somebody else's is not the one that stays; should it ever be, it is closed.
    assert stays.suppression(Channel.SMS) is None
    assert stays.model_copy(update={"addresses": gone.addresses}).suppression(Channel.SMS) is not None
    assert await agree(ledger) == []


async def test_each_customers_hold_holds_the_others_invoices_from_then_on(ledger: Ledger) -> None:
    await both(ledger)
    for key, name in (("C-1", "h1"), ("C-2", "h2")):
        async with ledger.unit(await ledger.customer_id(key), None, ARRIVAL) as unit:
            placed = e.CustomerHoldPlaced(hold=name, reason="flood", until=REMINDER_AT)
            await unit.tell_customer(placed, TELLER)
            for held in unit.held.values():
                await unit.tell(held, e.HoldPlaced(hold=name, reason="flood", until=REMINDER_AT), TELLER)
    await merged(ledger)
    async with ledger.engine.connect() as connection:
        stored = await connection.execute(select(invoices.c.facts["holds"]).order_by(invoices.c.id))
        holds = [{hold["hold"] for hold in each} for each in stored.scalars()]
    assert holds == [{"h1", "h2"}, {"h1", "h2"}]
    assert {hold.hold for hold in (await facts_of(ledger, "C-2")).holds} == {"h1", "h2"}
    assert await agree(ledger) == []


async def test_a_merge_told_again_changes_nothing_and_others_are_refused_with_a_sentence(
    ledger: Ledger,
) -> None:
    await both(ledger)
    await take_in(ledger, row("INV-3", "C-3"))
    await merged(ledger)
    before = await story(ledger, "INV-1")
    assert not (await merged(ledger)).recorded
    assert await story(ledger, "INV-1") == before
    for key, into, sentence in (
        ("C-2", "C-2", "cannot be merged into itself"),
        ("C-3", "C-1", "'C-1' was merged into 'C-2' itself; merge into 'C-2'"),
        ("C-1", "C-3", "'C-1' was merged into 'C-2' before, and that cannot be undone; merge 'C-2'"),
    ):
        with pytest.raises(LedgerError, match=sentence):
            await merged(ledger, key, into)
        with pytest.raises(LedgerError, match=sentence):
            await preview_merge(ledger, key, into, ARRIVAL)
    with pytest.raises(UnknownCustomer):
        await merged(ledger, "C-9", "C-2")


async def test_who_took_another_over_may_be_merged_in_turn_and_every_key_follows(ledger: Ledger) -> None:
    await both(ledger)
    (third,) = await take_in(ledger, row("INV-3", "C-3"))
    await send(ledger, third, COURTESY_AT)
    await merged(ledger)
    await merge(ledger, "C-2", "C-3", "duplicate", BOSS, COURTESY_AT)
    assert len({await ledger.customer_id(key) for key in ("C-1", "C-2", "C-3")}) == 1
    async with ledger.engine.connect() as connection:
        assert (await customer_view(connection, "C-1", CREDITOR.zone)).merged_keys == ("C-1", "C-2")
    assert (await story(ledger, "INV-1")).count("invoice_moved") == 2
    found = await check_invariants(ledger.engine, ledger.book, COURTESY_AT)
    assert [violation for check in found for violation in check.violations] == []


async def test_a_row_with_the_old_key_brings_its_invoice_and_changes_nothing_of_who_stays(
    ledger: Ledger,
) -> None:
    await both(ledger)
    await merged(ledger)
    before = await facts_of(ledger, "C-2")
    old = row("INV-3", email="old@example.com", segment="nobody-serves-this")
    changed = row("INV-1", amount=Decimal("99.00"), email="old@example.com")
    card = CustomerIntake.model_validate(old.model_dump(include=set(CustomerIntake.model_fields)))
    contact = ContactIntake(customer="C-1", contact="ze", role="billing", name="Zé Inventado")
    answers = await receive(ledger, [old, changed, card, contact], ARRIVAL, FILE)
    assert [(each.number, each.outcome) for each in answers] == [
        ("INV-3", "new"), ("INV-1", "changed"), ("C-1", "same"), ("ze", "same"),
    ]  # fmt: skip
    assert await facts_of(ledger, "C-2") == before
    assert (await show_invoice(ledger.engine, "INV-3")).customer.key == "C-2"
    assert (await receive(ledger, [row("INV-2")], ARRIVAL, FILE))[0].outcome == "same"


async def test_a_stop_from_the_old_number_silences_who_stays(ledger: Ledger) -> None:
    await both(ledger)
    await merged(ledger)
    reply = written("SM2", "STOP", "stop")
    assert await record_reply(ledger, reply, ARRIVAL) == "new"
    assert (await facts_of(ledger, "C-2")).unusable(Channel.SMS) == "opt_out"
    assert (await facts_of(ledger, "C-1")).unusable(Channel.SMS) is None


async def test_a_unit_that_waited_for_a_merge_works_for_who_took_the_invoice_over(ledger: Ledger) -> None:
    """A payment and a permit that wait for the customer who goes find the one who stays, and lose nothing."""
    first, second = await both(ledger)
    order = await order_of(ledger, first)
    async with ledger.engine.begin() as connection:
        gone = select(customers).where(customers.c.key == "C-1").with_for_update()
        await connection.execute(gone)
        merging = asyncio.create_task(merged(ledger))
        await asyncio.sleep(0.1)
        paid = asyncio.create_task(record(ledger, second, [Fact(PAID, ARRIVAL, TELLER)], ARRIVAL))
        asked = asyncio.create_task(permit(ledger, order, COURTESY_AT))
        by_key = asyncio.create_task(receive(ledger, [row("INV-3"), row("INV-4", "C-2")], ARRIVAL, FILE))
        await asyncio.sleep(0.1)
    await merging
    assert (await paid).directive.closed
    assert (await asked).permit is not None
    assert [each.outcome for each in await by_key] == ["new", "new"]
    async with ledger.engine.connect() as connection:
        owners = set((await connection.execute(select(invoices.c.customer_id))).scalars())
    assert owners == {await ledger.customer_id("C-2")}
    assert await agree(ledger) == []


async def test_merges_payments_permits_and_imports_at_once_never_block_each_other(ledger: Ledger) -> None:
    """Every order of locks, by keys and by ids, at the same time: all end, and the books agree."""
    pairs = [(f"C-{index:02}", f"C-{(index * 7 + 3) % 24:02}") for index in range(24)]
    rows = [row(f"INV-{key}-{number}", key) for key, _ in pairs for number in range(2)]
    ids = await take_in(ledger, *reversed(rows))
    orders = [await order_of(ledger, each) for each in ids]

    async def try_merge(key: str, into: str) -> int:
        try:
            return int((await merge(ledger, key, into, "duplicate", BOSS, ARRIVAL)).recorded)
        except LedgerError:
            return 0

    part = Fact(e.PaymentReceived(amount=Decimal(1), currency="EUR"), ARRIVAL, TELLER)
    async with asyncio.timeout(120):
        work = [
            *(try_merge(*pair) for pair in pairs),
            *(try_merge(into, key) for key, into in pairs),
            *(record(ledger, each, [part], ARRIVAL) for each in ids),
            *(permit(ledger, order, COURTESY_AT) for order in orders),
            *(receive(ledger, rows[start::5], ARRIVAL, FILE) for start in range(5)),
        ]
        done = await asyncio.gather(
            *(work[index] for index in sorted(range(len(work)), key=lambda i: i * 37 % 101))
        )
    assert sum(each for each in done if isinstance(each, int)) >= 12
    async with ledger.engine.connect() as connection:
        owners = select(customers.c.merged_into).where(
            customers.c.id.in_(select(invoices.c.customer_id).distinct())
        )
        assert set((await connection.execute(owners)).scalars()) == {None}
        paid = (await connection.execute(select(invoices.c.facts["paid"].astext))).scalars()
        assert set(paid) == {"1"}
    found = await check_invariants(ledger.engine, ledger.book, COURTESY_AT + MINUTE)
    assert [violation for check in found for violation in check.violations] == []


async def test_contacts_of_both_count_against_one_cap_after_a_merge(database_url: str) -> None:
    ledger = Ledger(engine_on(database_url, 2), CREDITOR, packs=PACKS)
    await publish(ledger.engine, consumers("email"), ARRIVAL)
    place = {
        "country": "CO", "zone": "America/Bogota", "language": "es", "due_on": date(2026, 3, 9), "consents": ("email",),
    }  # fmt: skip
    first, second = await take_in(
        ledger, row("N-1", "C-1", **place), row("N-2", "C-2", phone="+351900000456", **place)
    )
    await send(ledger, first, MONDAY)
    await merge(ledger, "C-1", "C-2", "duplicate", BOSS, MONDAY)
    assert (await ask(ledger, second, MONDAY)).reason == "co-once-a-day"
    await send(ledger, second, MONDAY + DAY)
    found = await check_invariants(ledger.engine, ledger.book, MONDAY + DAY + timedelta(hours=1))
    assert [violation for check in found for violation in check.violations] == []
    await ledger.engine.dispose()
