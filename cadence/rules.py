"""Contact rules: when and how one customer may be reached, from the cadence, the law, the creditor and the customer.

All of them narrow; the strictest wins. `plan()` knows the window that is left, and needs no word of any rule.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cadence.calendars import ALL_DAY, BusinessDays, OpeningHours, SendWindow, send_window
from cadence.creditor import Creditor
from cadence.customer_facts import CustomerFacts, Preference
from cadence.document import Cadence, Roll, Window
from cadence.packs import EVERY_CHANNEL, Concerned, Law, Packs
from cadence.recipients import addresses_with_contacts, reached
from cadence.segments import Segments
from cadence.sends import Answering, Send
from cadence.spans import WEEKDAYS
from cadence.words import BILLING, Channel
from cadence.zones import zones_by_country

NO_PACKS = Packs()
# The rule under which the customer's own hours and days narrow the window.
PREFERENCE = "customer-preference"
# What is said of an address that is nobody's any more.
NOBODYS: Mapping[Channel, str] = dict.fromkeys(Channel, "no_address")


@dataclass(frozen=True, slots=True)
class Rules:
    """What `plan()` needs beside the facts. `unusable` says per channel why the billing contact cannot be reached.

    `of_roles` says the same of each role that another contact has; whom nobody has, the billing contact stands for.
    `of_addresses` says it of each address (a fingerprint) that is known of a customer who has other contacts.

    `consent_rules` are those by which a channel needs the consent of whoever is written to.

    `law` is what packs and the creditor ask for this customer: its hours are in the window already, its limits
    are for the permit, which knows of the customer's other invoices.
    """

    window: SendWindow
    calendar: BusinessDays
    roll: Roll
    creditor_zone: ZoneInfo
    unusable: Mapping[Channel, str]
    law: Law
    of_roles: Mapping[str, Mapping[Channel, str]] = field(default_factory=dict)
    consent_rules: Mapping[Channel, str] = field(default_factory=dict)
    of_addresses: Mapping[str, Mapping[Channel, str]] = field(default_factory=dict)

    def closed_to(self, role: str) -> Mapping[Channel, str]:
        """Why a channel reaches nobody for a message that goes to `role`, per channel that does not."""
        return self.of_roles.get(role, self.unusable)

    def closed_for(self, send: Send) -> Mapping[Channel, str]:
        """The same for a message, which may go to an address rather than to a role."""
        if isinstance(send, Answering) and send.address is not None:
            return self.of_addresses.get(send.address, NOBODYS)
        return self.closed_to(send.to)

    def business_day(self, day: date) -> date:
        """`day` rolled as the cadence's calendar says."""
        return self.calendar.roll(day, self.roll)

    def opening(self, day: date) -> datetime:
        """The first instant at which the customer may be contacted for what stands on `day` in a cadence."""
        return self.window.first_from(self.calendar.roll(day, self.roll))[0]

    def contact_at(self, day: date) -> datetime:
        """The first instant from a local `day` on at which the customer may be contacted."""
        return self.window.first_from(day)[0]

    def end_of(self, day: date, grace: int = 0) -> datetime:
        """The end of a day where the customer is, `grace` business days later; the latest that it could be."""
        last = self.calendar.add(day, grace)
        return max(_end_of(last, zone) for zone in self.window.clocks)

    def creditor_end_of(self, day: date) -> datetime:
        """The end of a day where the creditor is."""
        return _end_of(day, self.creditor_zone)


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1)
    return midnight.astimezone(ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Whose rules count beside the cadence's: the creditor's documents, and packs of contact rules.

    `segments` say who belongs to which segment; without them the creditor's files do.
    """

    creditor: Creditor
    packs: Packs = NO_PACKS
    segments: Segments | None = None

    def rules(self, cadence: Cadence, customer: CustomerFacts, now: datetime | None = None) -> Rules:
        """The contact rules of one customer under one cadence; see `rules_for`."""
        return rules_for(cadence, customer, self.creditor, self.packs, now)


def rules_for(
    cadence: Cadence,
    customer: CustomerFacts,
    creditor: Creditor,
    packs: Packs = NO_PACKS,
    now: datetime | None = None,
) -> Rules:
    """The contact rules of one customer under one cadence, as packs, the creditor and the customer narrow them.

    Rules that ask for a consent count where they are in force `now` (None: all of them); hours know their own days.
    """
    place = cadence.calendar
    if place.country == "customer":
        calendar = BusinessDays(customer.country, customer.subdivision)
    else:
        calendar = BusinessDays(place.country, place.subdivision)
    law = packs.law(Concerned(customer.country, customer.subdivision, cadence.debtors, creditor.party))
    window, shut = _window(cadence.window, customer, calendar, law)
    consent_rules = _consent_rules(law, window, now)

    def unusable(addresses: Mapping[Channel, str | None]) -> Mapping[Channel, str]:
        return shut | _unusable(customer, creditor, consent_rules, addresses)

    return Rules(
        window,
        calendar,
        place.roll,
        creditor.timezone,
        unusable(_of_role(customer, BILLING)),
        law,
        {role: unusable(_of_role(customer, role)) for role in {each.role for each in customer.contacts}},
        consent_rules,
        {
            address: unusable(dict.fromkeys(channels, address))
            for address, channels in addresses_with_contacts(customer).items()
        },
    )


def _window(
    own: Window, customer: CustomerFacts, calendar: BusinessDays, law: Law
) -> tuple[SendWindow, dict[Channel, str]]:
    """When the customer may be contacted, and why no channel serves where no hour is left for any."""
    hours = (*law.hours, *_preferred(customer.preference))
    window = send_window(
        customer.zone, own.days, own.opens, own.closes, calendar, hours, _other_zones(customer)
    )
    if window.ever_opens:
        return window, {}
    # What no hour is left for goes to a person. Planning goes on by the cadence's own window.
    own_window = send_window(customer.zone, own.days, own.opens, own.closes, calendar)
    return own_window, dict.fromkeys(Channel, "no_hour_is_left")


def _other_zones(customer: CustomerFacts) -> tuple[str, ...]:
    if not customer.zone_assumed:
        return ()
    return tuple(zone for zone in zones_by_country().get(customer.country, ()) if zone != customer.zone)


def _consent_rules(law: Law, window: SendWindow, now: datetime | None) -> dict[Channel, str]:
    """The channels that need the customer's consent, and by which rule."""
    if not law.consents:
        return {}
    today = None if now is None else window.local_day(now)
    asked = {channel: law.asks_consent(channel, today) for channel in EVERY_CHANNEL}
    return {channel: rule for channel, rule in asked.items() if rule}


def _of_role(customer: CustomerFacts, role: str) -> Mapping[Channel, str | None]:
    return {channel: reached(customer, role, channel).address for channel in EVERY_CHANNEL}


def _unusable(
    customer: CustomerFacts,
    creditor: Creditor,
    consent_rules: Mapping[Channel, str],
    addresses: Mapping[Channel, str | None],
) -> dict[Channel, str]:
    reasons = {
        channel: customer.unusable_at(channel, addresses.get(channel), consent_rules.get(channel))
        for channel in EVERY_CHANNEL
    }
    if not creditor.uses_whatsapp:
        reasons[Channel.WHATSAPP] = "whatsapp_not_attested"
    return {channel: reason for channel, reason in reasons.items() if reason}


def _preferred(wish: Preference) -> Iterator[OpeningHours]:
    """What the customer's own days and hours leave of the window, since ever and for good."""
    if wish.hours is None and wish.days is None:
        return
    named = WEEKDAYS if wish.days is None else wish.days
    opens, closes = map(time.fromisoformat, wish.hours.split("-")) if wish.hours else ALL_DAY
    days = tuple((opens, closes) if day in named else None for day in WEEKDAYS)
    yield OpeningHours(PREFERENCE, date.min, None, days=days)
