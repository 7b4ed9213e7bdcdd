"""Customers and their contacts as the creditor's books give them: once, or as events where they changed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from sqlalchemy import insert, select, update

from cadence import events as e
from cadence.creditor import Email, Phone, Zone
from cadence.customers import reduce_customer
from cadence.words import BILLING, Channel, Language, Line, Slug
from ledger import statements
from ledger.database import CustomerMoved, LedgerError
from ledger.driving import run
from ledger.keys import address_fingerprint
from ledger.service_tables import contacts
from ledger.tables import customers
from ledger.unit import Origin, Unit

Changed = Literal["new", "changed", "same"]
CustomerKey = Annotated[Line, Field(max_length=60)]
_ADDRESSES = ("email", "phone", "whatsapp")
_FIELD = dict(zip(Channel, _ADDRESSES, strict=True))
# The version of the wording where the creditor's books say that somebody agreed, and not under which.
IMPORTED_WORDING = "imported"


class CustomerIntake(BaseModel):
    """A customer, checked and normalised: E.164 phones, ISO codes. The addresses are those of the billing contact.

    `zone_assumed` is that nobody gave the zone of a country that has several. `consents` are the channels by
    which the customer agreed to be reached, at these addresses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer: CustomerKey
    customer_name: Annotated[Line, Field(max_length=60)]
    segment: Slug
    language: Language
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: str | None = None
    zone: Zone
    zone_assumed: bool = False
    email: Email | None = None
    phone: Phone | None = None
    whatsapp: Phone | None = None
    consents: tuple[Channel, ...] = ()

    @field_validator("consents", mode="after")
    @classmethod
    def _to_addresses(cls, agreed: tuple[Channel, ...], info: ValidationInfo) -> tuple[Channel, ...]:
        missing = [channel for channel in agreed if not info.data.get(_FIELD[channel])]
        if missing:
            message = f"names {', '.join(missing)}, for which no address is given; give it, or leave it out"
            raise ValueError(message)
        return agreed


class ContactIntake(BaseModel):
    """A person at a customer, by the creditor's own key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer: CustomerKey
    contact: CustomerKey
    role: Slug
    name: Annotated[Line, Field(max_length=60)]
    language: Language | None = None
    email: Email | None = None
    phone: Phone | None = None
    whatsapp: Phone | None = None


class RoleTaken(LedgerError):
    """Two people cannot both be the one to whom Régua writes."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "role_taken",
            f"contact {key!r} of this customer has the role {BILLING}; give that one another first",
        )


async def lock_customer(unit: Unit, key: str) -> bool:
    """Lock a customer by their own key; False where there is none yet. Raises CustomerMoved where they were merged."""
    found = await run(unit.connection, statements.LOCK_BY_KEY, {"wanted_key": key})
    if not found:
        return False
    [customer] = found
    if customer["merged_into"] is not None:
        raise CustomerMoved(customer["merged_into"])
    unit.hold_customer(customer)
    return True


async def add_customer(unit: Unit, row: CustomerIntake) -> bool:
    """Write a new customer; False where somebody else did so first."""
    values = {"key": row.customer, "facts": {}} | _stored(row)
    added = await run(unit.connection, statements.ADD_CUSTOMER, values)
    for customer in added:
        unit.hold_customer(customer)
    return bool(added)


async def receive_customer(unit: Unit, row: CustomerIntake, origin: Origin) -> Changed:
    """Take note of what is known of the locked customer; where it differs, it becomes an event."""
    new = not unit.customer["facts"]
    known = None if new else e.CustomerReceived(**_known_customer(unit))
    kept = await _keep(unit, _stored(row))
    received = told_of(row)
    if received != known:
        await unit.tell_customer(received, origin)
    agreed = await _agree(unit, row.consents, origin)
    return "new" if new else "changed" if received != known or kept or agreed else "same"


async def _agree(unit: Unit, channels: Sequence[Channel], origin: Origin) -> bool:
    """Take note of consents that are not known yet, as the creditor's books have them; whether there were any."""
    facts = unit.customer_facts
    news = [channel for channel in channels if not facts.agreed(channel, facts.addresses[channel])]
    for channel in news:
        told = {"channel": channel, "address": facts.addresses[channel], "wording": IMPORTED_WORDING}
        await unit.tell_customer(e.ConsentGiven.model_validate(told | {"proof_at": unit.now}), origin)
    return bool(news)


def told_of(row: CustomerIntake) -> e.CustomerReceived:
    """What a row tells of its customer."""
    return e.CustomerReceived(
        segment=row.segment,
        language=row.language,
        country=row.country,
        subdivision=row.subdivision,
        zone=row.zone,
        zone_assumed=row.zone_assumed,
        addresses=_fingerprints(row.email, row.phone, row.whatsapp),
    )


async def receive_contact(unit: Unit, row: ContactIntake, origin: Origin) -> Changed:
    """Keep a contact of the locked customer; the billing contact's addresses are the customer's. Raises RoleTaken."""
    values = row.model_dump(mode="json", exclude={"customer", "contact"})
    of_customer = contacts.c.customer_id == unit.customer["id"]
    known = {
        each.key: each for each in (await unit.connection.execute(select(contacts).where(of_customer))).all()
    }
    billing = next((key for key, each in known.items() if each.role == BILLING and key != row.contact), None)
    if row.role == BILLING and billing is not None:
        raise RoleTaken(billing)
    before = known.get(row.contact)
    if before is None:
        named = {"customer_id": unit.customer["id"], "key": row.contact}
        added = insert(contacts).values(named | values).returning(contacts.c.id)
        contact = (await unit.connection.execute(added)).scalar_one()
    elif any(getattr(before, name) != value for name, value in values.items()):
        contact = before.id
        await unit.connection.execute(update(contacts).where(contacts.c.id == contact).values(values))
    else:
        return "same"
    if row.role == BILLING:
        await _write_to(unit, row, origin)
    await tell_contact(unit, contact, values, origin)
    return "changed" if before else "new"


async def tell_contact(unit: Unit, contact: int, values: Mapping[str, Any], origin: Origin) -> None:
    """Tell what differs of a contact, by our id, whose stored values are these; of the billing contact, that they are it."""
    told = e.ContactReceived(
        contact=contact,
        role=values["role"],
        language=values["language"],
        addresses=_fingerprints(*(values[name] for name in _ADDRESSES)),
    )
    if reduce_customer(unit.customer_facts, told) != unit.customer_facts:
        await unit.tell_customer(told, origin)


async def _write_to(unit: Unit, row: ContactIntake, origin: Origin) -> None:
    await _keep(unit, {name: getattr(row, name) for name in _ADDRESSES})
    known = _known_customer(unit)
    told = e.CustomerReceived(
        **known
        | {
            "addresses": _fingerprints(row.email, row.phone, row.whatsapp),
            "language": row.language or known["language"],
        }
    )
    if told != e.CustomerReceived(**known):
        await unit.tell_customer(told, origin)


async def _keep(unit: Unit, values: dict[str, str | None]) -> bool:
    """Store what differs; whether anything did."""
    if {name: unit.customer[name] for name in values} == values:
        return False
    await unit.connection.execute(
        update(customers).where(customers.c.id == unit.customer["id"]).values(values)
    )
    return True


def _stored(row: CustomerIntake) -> dict[str, str | None]:
    return {"name": row.customer_name, "email": row.email, "phone": row.phone, "whatsapp": row.whatsapp}


def _known_customer(unit: Unit) -> dict[str, Any]:
    facts = unit.customer_facts
    return facts.model_dump(include=set(e.CustomerReceived.model_fields)) | {"segment": facts.of_file}


def _fingerprints(email: str | None, phone: str | None, whatsapp: str | None) -> dict[Channel, str]:
    given = {Channel.EMAIL: email, Channel.SMS: phone, Channel.WHATSAPP: whatsapp}
    return {channel: address_fingerprint(address) for channel, address in given.items() if address}
