"""Contact rules: when and how one customer may be reached, from the cadence, the creditor and the customer.

Packs of law join here: they narrow the window and the channels, and `plan()` needs no word of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cadence.calendars import BusinessDays, SendWindow, send_window
from cadence.creditor import Creditor
from cadence.document import Cadence, Roll
from cadence.facts import CustomerFacts
from cadence.words import Channel


@dataclass(frozen=True, slots=True)
class Rules:
    """What `plan()` needs beside the facts. `unusable` says per channel why it cannot be used."""

    window: SendWindow
    calendar: BusinessDays
    roll: Roll
    creditor_zone: ZoneInfo
    unusable: Mapping[Channel, str]

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


def rules_for(cadence: Cadence, customer: CustomerFacts, creditor: Creditor) -> Rules:
    """The contact rules of one customer under one cadence."""
    place = cadence.calendar
    if place.country == "customer":
        calendar = BusinessDays(customer.country, customer.subdivision)
    else:
        calendar = BusinessDays(place.country, place.subdivision)
    window = cadence.window
    return Rules(
        window=send_window(customer.zone, window.days, window.opens, window.closes, calendar),
        calendar=calendar,
        roll=place.roll,
        creditor_zone=creditor.timezone,
        unusable=_unusable(customer, creditor),
    )


def _unusable(customer: CustomerFacts, creditor: Creditor) -> dict[Channel, str]:
    reasons = {channel: customer.unusable(channel) for channel in Channel}
    if not creditor.uses_whatsapp:
        reasons[Channel.WHATSAPP] = "whatsapp_not_attested"
    return {channel: reason for channel, reason in reasons.items() if reason}
