"""Everybody who tells the ledger something while workers send: each kind of thing, as a random choice of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from random import Random

from cadence import events as e
from cadence.words import Channel
from ledger.access import Ledger
from ledger.allocating import Allocated, CustomerPayment, pay_customer, reverse_payment
from ledger.answering import write_answer
from ledger.crediting import INTO, use_credit
from ledger.database import LedgerError
from ledger.deliveries import Receipt, record_receipts
from ledger.halting import halt, unhalt
from ledger.intake import receive
from ledger.merging import merge
from ledger.migrating import migrate
from ledger.publishing import publish
from ledger.recording import Fact, spread, tell
from ledger.unit import Origin
from tests.integration.ledger.playing import FILE, row, ruler
from tests.integration.ledger.tills import Till
from tests.integration.ledger.workers import Provider
from tests.unit.cadence.happenings import (
    CUSTOMER_HAPPENINGS,
    HAPPENINGS,
    CustomerMaker,
    Maker,
    Occasion,
    Visit,
)

SOMEBODY = Origin("tester", "test")


@dataclass
class Teller:
    """Somebody who tells things of these invoices and customers, with connections of their own."""

    ledger: Ledger
    provider: Provider
    till: Till
    chance: Random
    invoices: Mapping[int, str]
    customers: Sequence[str]

    async def tell_some_things(self, now: datetime) -> None:
        """Tell two things of some invoice or customer; what the ledger refuses in a sentence changes nothing."""
        for doing in self.chance.choices([*DOINGS.values(), *OF_SEVERAL], k=2):
            with suppress(LedgerError):
                await doing(self, now)

    def some_invoice(self) -> int:
        return self.chance.choice(sorted(self.invoices))

    def some_customer(self) -> str:
        return self.chance.choice(self.customers)


Doing = Callable[[Teller, datetime], Awaitable[None]]


def _of_invoice(make: Maker) -> Doing:
    """Tell an invoice an event that needs nothing beside its log."""

    async def doing(who: Teller, now: datetime) -> None:
        invoice_id = who.some_invoice()
        async with who.ledger.invoice_unit(invoice_id, now) as unit:
            held = unit.invoice(invoice_id)
            if event := make(Occasion(held.facts, held.cadence.stages, now, who.chance)):
                await tell(unit, held, Fact(event, now, SOMEBODY))

    return doing


def _of_customer(make: CustomerMaker) -> Doing:
    async def doing(who: Teller, now: datetime) -> None:
        async with who.ledger.unit(await who.ledger.customer_id(who.some_customer()), None, now) as unit:
            event = make(Visit(unit.customer_facts, now, who.chance))
            if event and await unit.tell_customer(event, SOMEBODY):
                await spread(unit, event, SOMEBODY)

    return doing


async def _answer(who: Teller, now: datetime) -> None:
    number = who.invoices[who.some_invoice()]
    await write_answer(who.ledger, number, Channel.SMS, "We shall call you.", SOMEBODY, now)


async def _halt_and_go_on(who: Teller, now: datetime) -> None:
    channel = who.chance.choice([Channel.EMAIL, Channel.SMS])
    await halt(who.ledger.engine, "channel", channel, "tester", "test", now)
    await unhalt(who.ledger, "channel", channel, "tester", now)


async def _use_credit(who: Teller, now: datetime) -> None:
    invoice_id, told = who.some_invoice(), f"{who.chance.random()}"
    async with who.ledger.invoice_unit(invoice_id, now) as unit:
        await use_credit(unit, unit.invoice(invoice_id), None, Origin("tester", INTO, told))


async def _pay_several(who: Teller, now: datetime) -> None:
    """One payment of a customer, which two told at once; perhaps with a part, or all, for an invoice that it names."""
    key, number = who.some_customer(), who.invoices[who.some_invoice()]
    amount = Decimal(who.chance.choice(["0.01", "90", "200.50", "400"]))
    named = who.chance.choice([None, {number: amount}, {number: Decimal("0.01")}])
    told = f"bank-{who.chance.random()}"
    currency = who.chance.choice(["EUR", "EUR", "USD"])
    payment = CustomerPayment(told, amount, currency, now, "transfer", named)

    async def pay() -> Allocated:
        return await pay_customer(
            who.ledger, await who.ledger.customer_id(key), payment, Origin("tester", "payment", told), now
        )

    if recorded := await _once(pay(), pay()):
        who.till.take_in(key, recorded)


async def _take_back_several(who: Teller, now: datetime) -> None:
    """Some of such a payment goes back, which two told at once."""
    if not who.till.payments:
        return
    payment = who.chance.choice(sorted(who.till.payments))
    amount = who.chance.choice([None, None, Decimal("0.01"), Decimal(75)])
    origin = Origin("tester", "reversal", f"back-{who.chance.random()}")
    key = who.till.payments[payment].customer

    async def take_back() -> Allocated:
        return await reverse_payment(
            who.ledger, await who.ledger.customer_id(key), payment, amount, origin, now, now
        )

    if recorded := await _once(take_back(), take_back()):
        who.till.give_back(recorded)


async def _once(*tellings: Awaitable[Allocated]) -> Allocated | None:
    """What one of several tellings of the same thing recorded; None where the ledger refused them all."""
    answers = await asyncio.gather(*tellings, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, LedgerError):
            raise answer
    heard = [answer for answer in answers if isinstance(answer, Allocated)]
    recorded = [answer for answer in heard if answer.recorded]
    assert len(recorded) == (1 if heard else 0), answers
    return recorded[0] if recorded else None


async def _report(who: Teller, now: datetime) -> None:
    if not who.provider.taken:
        return
    granted = who.chance.choice(who.provider.taken)
    delivery = who.chance.choice(["queued", "sent", "delivered", "failed", "read"])
    key = f"{granted.attempt_id}/{delivery}"
    told = Receipt(granted.channel, "provider", key, granted.attempt_id, None, delivery)
    await record_receipts(who.ledger, [told, replace(told, external_id=f"{key}/2")], lambda _: now)


async def _new_version(who: Teller, now: datetime) -> None:
    changed = ruler(title=f"Version {who.chance.random()}", debtors="consumer")
    await publish(who.ledger.engine, changed, now)
    await migrate(who.ledger, who.some_invoice(), SOMEBODY, now)


async def _import_again(who: Teller, now: datetime) -> None:
    """The creditor's next file, in which a customer has other addresses."""
    invoice_id = who.some_invoice()
    email = f"new{who.chance.randint(1, 2)}@example.com"
    await receive(who.ledger, [row(who.invoices[invoice_id], who.customers[0], email=email)], now, FILE)


async def _merge(who: Teller, now: datetime) -> None:
    """Seldom: there is no way back."""
    if who.chance.random() < 0.2:
        into, *others = who.customers
        for key in others:
            await merge(who.ledger, key, into, "same_person", SOMEBODY, now)


DOINGS: Mapping[type[e.Event], Doing] = {
    **{kind: _of_invoice(make) for kind, make in HAPPENINGS.items()},
    **{kind: _of_customer(make) for kind, make in CUSTOMER_HAPPENINGS.items()},
    # These are told by more than an event: by the transactions of people's commands and providers' reports.
    e.AnswerWritten: _answer,
    e.DeferralLifted: _halt_and_go_on,
    e.CreditMoved: _use_credit,
    e.CreditApplied: _use_credit,
    e.DeliveryReported: _report,
    e.CadenceChanged: _new_version,
    e.InvoiceMoved: _merge,
    e.CustomerMerged: _merge,
    e.CustomerAbsorbed: _merge,
    e.CustomerReceived: _import_again,
}
# And these are told of several invoices at once.
OF_SEVERAL: Sequence[Doing] = (_pay_several, _take_back_several)
