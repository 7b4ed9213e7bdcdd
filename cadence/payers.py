"""Payer behaviour: how a customer has paid, kept promises and reacted so far, over all their invoices."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

from pydantic import BaseModel, ConfigDict, computed_field

from cadence.words import MINOR_UNITS, Channel

# What `payer.quiet` says of a customer who never reacted: longer than anybody would ask for.
NEVER = 36_500
_FAMILIES = {"owed": tuple(MINOR_UNITS), "credit": tuple(MINOR_UNITS), "quiet": tuple(Channel)}

PAYER_FACTS: Mapping[str, str] = {
    "payer.invoices": "how many invoices of this customer are known, this one among them",
    "payer.open": "how many of them are open",
    "payer.paid": "how many are paid",
    "payer.paid_on_time": "how many were paid on their due date or before",
    "payer.paid_late": "how many were paid after their due date",
    "payer.average_days_late": "days from due date to payment, on average over those that are paid (Decimal); 0 while none is",
    "payer.dispersion": "the standard deviation of those days (Decimal); 0 while none is paid",
    "payer.promises": "promises made",
    "payer.promises_kept": "promises kept",
    "payer.promises_broken": "promises broken",
    "payer.disputes": "disputes opened",
    "payer.owed.EUR": "what is open of all their invoices in a currency (Decimal); any ISO 4217 code Régua writes in",
    "payer.credit.EUR": "what lies on their invoices to their good in a currency (Decimal)",
    "payer.quiet.email": f"days since they last wrote back or read by a channel (email, sms, whatsapp); {NEVER} where they never did",
}
PAYER_NAMES = frozenset(PAYER_FACTS) | {
    f"payer.{family}.{name}" for family, names in _FAMILIES.items() for name in names
}


class PayerFacts(BaseModel):
    """What the ledger knows of a payer. `average_days_late` and `dispersion` are None while no invoice is paid.

    Days late run from an invoice's due date to the day of the payment that closed it, in the creditor's zone, and are
    negative before it; `dispersion` is their standard deviation over all paid invoices. `owed` are the open balances
    by currency, `credit` what was paid too much, `reactions` the instants at which the customer last wrote back or
    read, by channel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    invoices: int = 0
    open: int = 0
    paid: int = 0
    paid_on_time: int = 0
    average_days_late: Decimal | None = None
    dispersion: Decimal | None = None
    promises: int = 0
    promises_kept: int = 0
    promises_broken: int = 0
    disputes: int = 0
    owed: dict[str, Decimal] = {}
    credit: dict[str, Decimal] = {}
    reactions: dict[Channel, datetime] = {}

    @computed_field  # type: ignore[prop-decorator] # pydantic's own way to write one
    @property
    def paid_late(self) -> int:
        """Paid after the due date."""
        return self.paid - self.paid_on_time


NO_PAYER = PayerFacts()


def payer_terms(payer: PayerFacts, now: datetime) -> SimpleNamespace:
    """The `payer` of expressions, as PAYER_FACTS documents it, at the aware instant `now`: every name has a value."""
    # Most cadences ask nothing about the payer, and are planned several times a step.
    return _NOBODYS if payer is NO_PAYER else _terms(payer, now)


def _terms(payer: PayerFacts, now: datetime) -> SimpleNamespace:
    plain = payer.model_dump(exclude={"owed", "credit", "reactions"})
    plain |= {name: plain[name] or Decimal(0) for name in ("average_days_late", "dispersion")}
    owed, credit = (_every_currency(sums) for sums in (payer.owed, payer.credit))
    quiet = {str(channel): _quiet(payer.reactions.get(channel), now) for channel in Channel}
    return SimpleNamespace(**plain, owed=owed, credit=credit, quiet=SimpleNamespace(**quiet))


def _every_currency(sums: Mapping[str, Decimal]) -> SimpleNamespace:
    return SimpleNamespace(**{currency: sums.get(currency, Decimal(0)) for currency in MINOR_UNITS})


def _quiet(reacted_at: datetime | None, now: datetime) -> int:
    return NEVER if reacted_at is None else max((now - reacted_at).days, 0)


_NOBODYS = _terms(NO_PAYER, datetime.max.replace(tzinfo=UTC))
