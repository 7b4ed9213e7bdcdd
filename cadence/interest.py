"""Late interest: what a regime would add to a debt by a day, line by line, beyond what was claimed of it before.

Conventions. Interest is simple, on the open principal. The first day that counts is the day after the due date; the
last is the day of payment, so a payment on the day after the due date is one day late. Money that moves on a day
changes the base from the next day on. A rate holds for the calendar days of its own dates. A year has 365 days
(ACT/365F), a month 30. Lines are exact, and each is rounded once, half up, where they are added up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from cadence.interest_regimes import DAY, DAYS_IN, Figure, Rate, Regime
from cadence.late_charges import LateCharges
from cadence.words import Debtor, rounded

ZERO = Decimal(0)
F = TypeVar("F", bound=Figure)


class InterestRefused(Exception):
    """Late interest cannot be worked out. `code` is stable; the text says what is wrong and what to do."""

    code = "no_interest"


class NotForThisDebtor(InterestRefused):
    """The regime gives nothing against such a debtor: what businesses owe each other is no consumer's."""

    code = "not_for_this_debtor"


class FigureUnknown(InterestRefused):
    """A day has no figure; none is ever assumed."""

    code = "no_figure"


class OtherCurrency(InterestRefused):
    """A fixed sum is in another currency than the debt; no rate of exchange is assumed."""

    code = "other_currency"


@dataclass(frozen=True, slots=True)
class Movement:
    """By how much the open principal changed on a day: up by an invoice or a reversal, down by a payment or credit."""

    on: date
    change: Decimal


@dataclass(frozen=True, slots=True)
class Debt:
    """A sum in one currency (ISO 4217), when it fell due, and how it moved; movements come in any order.

    `claimed` are the late charges that were claimed already: their days and what comes once are not counted again.
    """

    currency: str
    due_on: date
    movements: Sequence[Movement]
    claimed: LateCharges = field(default_factory=LateCharges)

    def base(self, day: date) -> Decimal:
        """The open principal at the end of a day; never below zero."""
        return max(ZERO, sum((each.change for each in self.movements if each.on <= day), ZERO))


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)


class InterestLine(_Said):
    """Days, both ends counted, of one base and one rate (percent); `amount` is exact, `rounded` to the minor unit."""

    first_day: date
    last_day: date
    days: int
    percent: Decimal
    base: Decimal
    amount: Decimal
    rounded: Decimal
    source: str
    derived: bool


class OnceLine(_Said):
    """What comes once for being late, in the currency of the debt."""

    kind: Literal["fixed_sum", "fine"]
    amount: Decimal
    source: str
    derived: bool


class Interest(_Said):
    """What a regime gives for a debt up to the day `until`, in `currency`; `interest` is the sum of the rounded lines."""

    regime: str
    title: str
    rate_per: Literal["year", "month"]
    currency: str
    due_on: date
    until: date
    lines: tuple[InterestLine, ...]
    once: tuple[OnceLine, ...]
    interest: Decimal
    total: Decimal
    notes: tuple[str, ...]


def accrued(regime: Regime, debt: Debt, until: date, debtor: Debtor) -> Interest:
    """The interest on `debt` for the days after its due date up to `until`, and what comes once beside it.

    A payment in full on `until` would find exactly this owed. Up to the due date it is nothing. Raises
    NotForThisDebtor, FigureUnknown and OtherCurrency.
    """
    if debtor not in regime.debtors:
        theirs = " and ".join(regime.debtors)
        raise NotForThisDebtor(f"{regime.name} is for a {theirs} as debtor, never for a {debtor}")
    every = tuple(_lines(regime, debt, until))
    claimed = debt.claimed
    lines = tuple(line for line in every if claimed.until is None or line.first_day > claimed.until)
    once = tuple(_once(regime, debt.currency, every[0])) if every and not claimed.once else ()
    interest = sum((line.rounded for line in lines), rounded(ZERO, debt.currency))
    return Interest(
        regime=regime.name,
        title=regime.title,
        rate_per=regime.rate_per,
        currency=debt.currency,
        due_on=debt.due_on,
        until=until,
        lines=lines,
        once=once,
        interest=interest,
        total=sum((each.amount for each in once), interest),
        notes=regime.notes,
    )


def _lines(regime: Regime, debt: Debt, until: date) -> Iterator[InterestLine]:
    late_from: date | None = None
    for before, last in _spans(regime, debt, until):
        base, first = debt.base(before), before + DAY
        if base == 0:
            continue
        late_from = late_from or first
        rate = _rate(regime, late_from if regime.rate_of == "first_late_day" else first)
        assert rate.percent is not None
        days = (last - before).days
        amount = base * rate.percent * days / (100 * DAYS_IN[regime.rate_per])
        yield InterestLine(
            first_day=first,
            last_day=last,
            days=days,
            percent=rate.percent,
            base=base,
            amount=amount,
            rounded=rounded(amount, debt.currency),
            source=rate.source,
            derived=rate.derived,
        )


def _spans(regime: Regime, debt: Debt, until: date) -> Iterator[tuple[date, date]]:
    """The time after the due date, cut where base or rate may change: the day before each span, and its last."""
    if until <= debt.due_on:
        return iter(())
    cuts = {movement.on for movement in debt.movements}
    if regime.rate_of == "each_day":
        cuts |= {rate.effective_until for rate in regime.rates if rate.effective_until}
    if debt.claimed.until:
        cuts.add(debt.claimed.until)
    within = (cut for cut in cuts if debt.due_on < cut < until)
    return pairwise(sorted({debt.due_on, until, *within}))


def _once(regime: Regime, currency: str, late: InterestLine) -> Iterator[OnceLine]:
    """Fixed sum and fine, by the day on which the debt became late and what was open then."""
    if regime.fixed_sums:
        fixed = _in_force(regime, "fixed sum", regime.fixed_sums, late.first_day)
        if fixed.currency != currency:
            raise OtherCurrency(
                f"the fixed sum of {regime.name} is in {fixed.currency} and this is owed in {currency}; "
                "no rate of exchange is assumed, so work it out by hand"
            )
        amount = fixed.sum_for(late.base)
        yield OnceLine(kind="fixed_sum", amount=amount, source=fixed.source, derived=fixed.derived)
    if regime.fines:
        fine = _in_force(regime, "fine", regime.fines, late.first_day)
        amount = rounded(late.base * fine.percent / 100, currency)
        yield OnceLine(kind="fine", amount=amount, source=fine.source, derived=fine.derived)


def _rate(regime: Regime, day: date) -> Rate:
    return _in_force(regime, "rate", [rate for rate in regime.rates if rate.percent is not None], day)


def _in_force(regime: Regime, kind: str, figures: Sequence[F], day: date) -> F:
    found = next((figure for figure in figures if figure.holds_on(day)), None)
    if found is None:
        raise FigureUnknown(
            f"no {kind} is known for {regime.name} from {day}; add it to policies/interest/{regime.name}.yaml"
        )
    return found
