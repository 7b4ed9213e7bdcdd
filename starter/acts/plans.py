"""Payment plans: agreed, agreed anew, ended."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from cadence import events as e
from cadence.events.plans import MOST_INSTALMENTS
from starter.acts.checks import UNSPECIFIED, check_coming, check_money, refuse_closed
from starter.printing import money
from starter.session import Refusal
from starter.standing import Report, Standing


def agree_plan(
    stands: Standing, now: datetime, *, instalments: Sequence[tuple[date, Decimal]], method: str = ""
) -> Report:
    """The customer pays in instalments: days and amounts, day after day, together what is open at most.

    `method` is how, as a code, the invoice's own if empty. It takes the place of promises and of an earlier plan.
    """
    refuse_closed(stands, "pay in instalments")
    if not 1 <= len(instalments) <= MOST_INSTALMENTS:
        raise Refusal(
            f"a plan has 1 to {MOST_INSTALMENTS} instalments, and this one {len(instalments)}",
            code="too_many_instalments" if instalments else "no_instalments",
            field="instalments",
        )
    for day, amount in instalments:
        check_coming("instalments", day, stands.situation.zone, now)
        check_money(stands, amount, None)
    _check_order(instalments)
    _check_total(stands, sum((amount for _, amount in instalments), Decimal(0)))
    parts = tuple(e.AgreedInstalment(due_on=day, amount=amount) for day, amount in instalments)
    return Report(e.PlanAgreed(instalments=parts, method=method), now)


def _check_order(instalments: Sequence[tuple[date, Decimal]]) -> None:
    for (earlier, _), (later, _) in pairwise(instalments):
        if later <= earlier:
            raise Refusal(
                f"the instalment of {later} does not come after that of {earlier}; write them day after day",
                code="instalments_out_of_order",
                field="instalments",
            )


def _check_total(stands: Standing, total: Decimal) -> None:
    balance, currency = stands.facts.balance, stands.facts.currency
    if total > balance:
        raise Refusal(
            f"the instalments come to {money(total, currency)}, which is more than is open: {stands.number} has "
            f"{money(balance, currency)} open",
            code="more_than_open",
            field="instalments",
        )


def end_plan(stands: Standing, now: datetime, *, reason: str = UNSPECIFIED) -> Report:
    """The payment plan stands no more, and the ruler goes on from its next step; `reason` is a code."""
    if stands.facts.plan is None:
        raise Refusal(
            f"{stands.number} has no payment plan; it is {stands.situation.state}", code="not_on_plan"
        )
    return Report(e.PlanEnded(reason=reason), now)
