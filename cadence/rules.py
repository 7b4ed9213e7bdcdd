"""Contact rules: when and how one customer may be reached, from the cadence, the law, the creditor and the customer.

All of them narrow; the strictest wins. `plan()` knows the window that is left, and needs no word of any rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cadence.calendars import BusinessDays, SendWindow, send_window
from cadence.creditor import Creditor
from cadence.document import Cadence, Roll
from cadence.facts import CustomerFacts
from cadence.packs import Concerned, Law, Packs
from cadence.words import Channel

NO_PACKS = Packs()


@dataclass(frozen=True, slots=True)
class Rules:
    """What `plan()` needs beside the facts. `unusable` says per channel why it cannot be used.

    `law` is what packs and the creditor ask for this customer: its hours are in the window already, its limits
    are for the permit, which knows of the customer's other invoices.
    """

    window: SendWindow
    calendar: BusinessDays
    roll: Roll
    creditor_zone: ZoneInfo
    unusable: Mapping[Channel, str]
    law: Law

    def business_day(self, day: date) -> date:
        """`day` rolled as the cadence's calendar says."""
        return self.calendar.roll(day, self.roll)

    def contact_at(self, day: date) -> datetime:
        """The first instant from a local `day` on at which the customer may be contacted."""
        return self.window.first_from(day)[0]

    def end_of(self, day: date, grace: int = 0) -> datetime:
        """The end of a day where the customer is, `grace` business days later."""
        last = self.calendar.add(day, grace)
        midnight = datetime(last.year, last.month, last.day, tzinfo=self.window.zone) + timedelta(days=1)
        return midnight.astimezone(ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Whose rules count beside the cadence's: the creditor's document, and packs of contact rules."""

    creditor: Creditor
    packs: Packs = NO_PACKS

    def rules(self, cadence: Cadence, customer: CustomerFacts) -> Rules:
        """The contact rules of one customer under one cadence."""
        return rules_for(cadence, customer, self.creditor, self.packs)


def rules_for(
    cadence: Cadence, customer: CustomerFacts, creditor: Creditor, packs: Packs = NO_PACKS
) -> Rules:
    """The contact rules of one customer under one cadence, as its packs and the creditor narrow them."""
    place = cadence.calendar
    if place.country == "customer":
        calendar = BusinessDays(customer.country, customer.subdivision)
    else:
        calendar = BusinessDays(place.country, place.subdivision)
    law = packs.law(Concerned(customer.country, customer.subdivision, cadence.debtors, creditor.party))
    own = cadence.window
    window = send_window(customer.zone, own.days, own.opens, own.closes, calendar, law.hours)
    unusable = _unusable(customer, creditor)
    if not window.ever_opens:
        # What no hour is left for goes to a person. Planning goes on by the cadence's own window.
        unusable = dict.fromkeys(Channel, "no_hour_is_left")
        window = send_window(customer.zone, own.days, own.opens, own.closes, calendar)
    return Rules(window, calendar, place.roll, creditor.timezone, unusable, law)


def _unusable(customer: CustomerFacts, creditor: Creditor) -> dict[Channel, str]:
    reasons = {channel: customer.unusable(channel) for channel in Channel}
    if not creditor.uses_whatsapp:
        reasons[Channel.WHATSAPP] = "whatsapp_not_attested"
    return {channel: reason for channel, reason in reasons.items() if reason}
