"""Accounts as the ledger has them: what a customer owes on all open invoices, as of an instant."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.account import Account, OpenItem
from cadence.customer_facts import CustomerFacts
from cadence.facts import InvoiceFacts
from ledger.access import Ledger
from ledger.tables import customers, invoices


async def account_of(ledger: Ledger, key: str, now: datetime) -> Account:
    """The account of the creditor's customer `key` at the aware instant `now`; raise UnknownCustomer."""
    customer_id = await ledger.customer_id(key)
    async with ledger.engine.connect() as connection:
        found = await connection.execute(select(customers).where(customers.c.id == customer_id))
        return await open_account(connection, found.mappings().one(), now)


async def open_account(connection: AsyncConnection, customer: Any, now: datetime) -> Account:
    """The account of a customer's row, by the day that it is where they are; the oldest due item first."""
    facts = CustomerFacts.model_validate(customer["facts"])
    owed = select(invoices.c.number, invoices.c.facts).where(
        invoices.c.customer_id == customer["id"], invoices.c.closed_at.is_(None), invoices.c.balance > 0
    )
    found = await connection.execute(owed.order_by(invoices.c.due_on, invoices.c.number))
    return Account(
        customer=customer["key"],
        customer_name=customer["name"],
        language=str(facts.language),
        country=facts.country,
        as_of=now.astimezone(ZoneInfo(facts.zone)).date(),
        items=tuple(_item(row.number, InvoiceFacts.model_validate(row.facts)) for row in found),
    )


def _item(number: str, facts: InvoiceFacts) -> OpenItem:
    return OpenItem(number, facts.due_on, facts.balance, facts.currency, disputed=facts.disputed)
