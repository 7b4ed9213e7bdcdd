"""The command that shows a customer: how they may be reached, how they pay, and how their invoices stand."""

from collections.abc import Iterator
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cadence.payers import PayerFacts
from cadence.words import Channel
from ledger.access import Ledger
from ledger.searching import customer_view
from ledger.views import ContactCard, CustomerView
from starter.commands import options as o
from starter.printing import as_json, counted, local, money, say, table, words
from starter.session import with_ledger
from starter.storytelling import print_customer

Key = Annotated[str, typer.Argument(help="The creditor's key of the customer.", show_default=False)]
WIDTH = 120


def customer(customer: Key, json: o.Json = False) -> None:
    """Show a customer: how they may be reached, how they have paid and reacted, what is open."""

    async def read(ledger: Ledger) -> CustomerView:
        async with ledger.engine.connect() as connection:
            return await customer_view(connection, customer, ledger.creditor.zone)

    seen = with_ledger(read)
    if json:
        as_json(seen)
        return
    zone = ZoneInfo(seen.card.zone)
    print_customer(seen.card, zone)
    if seen.contacts:
        headings = ("contact", "role", "name", "language", "reached by", "not by")
        table("\nContacts", headings, map(_contact, seen.contacts), pipe_width=WIDTH)
    if seen.merged_keys:
        say(f"merged into them: {', '.join(seen.merged_keys)}")
    for hold in seen.holds:
        say(f"on hold: {words(hold.reason)}{f', until {local(hold.until, zone)}' if hold.until else ''}")
    table("\nHow they pay", ("figure", "is"), _figures(seen.payer, zone), pipe_width=WIDTH)
    table(f"\n{counted(seen.payer.invoices, 'invoice')}", ("state", "invoices"), seen.invoices.items())


def _contact(one: ContactCard) -> tuple[object, ...]:
    addresses = {Channel.EMAIL: one.email, Channel.SMS: one.phone, Channel.WHATSAPP: one.whatsapp}
    usable = (f"{channel} {address}" for channel, address in addresses.items() if address)
    closed = (f"{channel} ({words(reason)})" for channel, reason in one.suppressed.items())
    return one.key, one.role, one.name, one.language, ", ".join(usable), ", ".join(closed)


def _figures(payer: PayerFacts, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """The figures that mean something for this customer, in words."""
    yield "paid", f"{payer.paid} of {payer.invoices}, {payer.paid_on_time} of them on time"
    if payer.average_days_late is not None:
        yield "days late", f"{payer.average_days_late} on average, standard deviation {payer.dispersion}"
    if payer.promises:
        yield "promises", f"{payer.promises} made, {payer.promises_kept} kept, {payer.promises_broken} broken"
    yield "disputes", f"{payer.disputes}"
    for currency, amount in sorted(payer.owed.items()):
        yield "open", money(amount, currency)
    for currency, amount in sorted(payer.credit.items()):
        yield "credit", money(amount, currency)
    for channel, at in sorted(payer.reactions.items()):
        yield "last reaction", f"by {channel}, {local(at, zone)}"
