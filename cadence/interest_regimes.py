"""Regimes of late interest: what one law, or one contract, adds to a debt that is late. Dated, each figure with its source.

A regime is data (`policies/interest/*.yaml`); nothing here knows a country. The figures of one kind follow each
other without a gap: where a file has none for a while, it says `unknown`, and nothing is worked out over that time.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from cadence.creditor import Document
from cadence.dated import Dated
from cadence.late_charges import HOUSE_ORDER
from cadence.problems import MisplacedError
from cadence.words import Currency, Debtor, Line, Money, PartOrder, Slug

DAY = timedelta(days=1)
# Days by which a rate is divided: ACT/365F for one a year; a month's counts as 30 days (pro rata die).
DAYS_IN = {"year": 365, "month": 30}


def _none_where_unknown(value: object) -> object:
    return None if value == "unknown" else value


Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=7, allow_inf_nan=False)]
PositiveMoney = Annotated[Money, Field(gt=0)]


class Figure(Dated):
    """A figure of a law or a contract, and where it was read.

    `derived` marks what follows from another figure of the source, and was not read there itself.
    """

    source: Annotated[Line, Field(max_length=300)]
    derived: bool = False


class Rate(Figure):
    """Percent a year, or a month, as its regime says; None where nobody knows (`unknown` in the file)."""

    percent: Annotated[Percent | None, BeforeValidator(_none_where_unknown)]


class Band(Document):
    """The sum for a debt smaller than `below`; for every larger one where nothing is written."""

    below: PositiveMoney | None = None
    amount: PositiveMoney


class FixedSum(Figure):
    """What is owed once for the trouble of collecting, by the size of the debt."""

    currency: Currency
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _bands_rise_and_the_last_is_open(self) -> Self:
        *closed, last = (band.below for band in self.bands)
        limits = [below for below in closed if below is not None]
        if last is not None or len(limits) < len(closed) or limits != sorted(set(limits)):
            message = "the bands rise by their `below`, which the last of them alone leaves out"
            raise MisplacedError(message, ("bands",))
        return self

    def sum_for(self, debt: Decimal) -> Decimal:
        """The sum for a debt of that size, in the sum's own currency."""
        return next(band.amount for band in self.bands if band.below is None or debt < band.below)


class Fine(Figure):
    """Percent of the open principal, owed once."""

    percent: Percent


class Appropriation(Document):
    """In which order money settles costs (fixed sum, fine), interest and principal, and who says so."""

    order: PartOrder
    source: Annotated[Line, Field(max_length=300)]


HOUSE_RULE = Appropriation(order=HOUSE_ORDER, source="house default")


class Regime(Document):
    """What may be asked for a debt that is late, of which debtors, by creditors of which countries (all, if none).

    `rate_of` is `each_day` where interest follows every new rate, and `first_late_day` where the rate of the day on
    which the debt became late stays with it. `notes` say what must hold beside, for whoever reads the figure.
    """

    name: Slug
    title: Line
    countries: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...] = ()
    debtors: Annotated[tuple[Debtor, ...], Field(min_length=1)]
    rate_per: Literal["year", "month"] = "year"
    rate_of: Literal["each_day", "first_late_day"] = "each_day"
    rates: Annotated[tuple[Rate, ...], Field(min_length=1)]
    fixed_sums: tuple[FixedSum, ...] = ()
    fines: tuple[Fine, ...] = ()
    appropriation: Appropriation = HOUSE_RULE
    notes: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _asks_no_consumer_for_a_fixed_sum(self) -> Self:
        # The 40 euros of Directive 2011/7/EU and the sums of the British Act of 1998: businesses owe them to each other.
        if "consumer" in self.debtors and self.fixed_sums:
            message = "a fixed sum for late payment is between businesses; a regime for consumers has none, but may have fines"
            raise MisplacedError(message, ("fixed_sums",))
        return self

    @model_validator(mode="after")
    def _leaves_no_gap(self) -> Self:
        for name in ("rates", "fixed_sums", "fines"):
            _check_they_follow(name, getattr(self, name))
        return self


def _check_they_follow(name: str, figures: Sequence[Figure]) -> None:
    for index in range(1, len(figures)):
        before, begins = figures[index - 1].effective_until, figures[index].effective_from
        if before is None or begins <= before:
            wrong = "begins before the one above it has ended: a day has one figure"
        elif begins > before + DAY:
            wrong = f"leaves a gap after {before}: begin on {before + DAY}, or fill it with a rate that is `unknown`"
        else:
            continue
        raise MisplacedError(f"this {wrong}", (name, index, "effective_from"))
