"""Disputes: opened, confirmed, given to somebody, resolved."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from cadence import events as e
from cadence.disputes import most_credited
from starter.acts.checks import UNSPECIFIED, check_coming, check_money, refuse_closed
from starter.printing import money
from starter.session import Refusal
from starter.standing import Report, Standing

Outcome = Literal["upheld", "rejected", "withdrawn"]


def dispute(
    stands: Standing,
    now: datetime,
    *,
    reason: str = UNSPECIFIED,
    amount: Decimal | None = None,
    owner: str = "",
    answer_by: date | None = None,
) -> Report:
    """The customer disputes `amount` of the invoice, all of it if None, or a dispute read from a reply is confirmed.

    `reason` is a code, and so is `owner`, who deals with it; `answer_by` is the creditor's last day to answer.
    """
    refuse_closed(stands, "dispute")
    if stands.facts.dispute and stands.facts.dispute.confirmed:
        raise Refusal(f"{stands.number} is disputed already; resolve that dispute first", code="disputed")
    if amount is not None:
        check_money(stands, amount, None)
        _check_most(stands, amount, stands.facts.balance, "open")
    _check_answer(stands, answer_by, now)
    return Report(e.DisputeOpened(reason=reason, amount=amount, owner=owner, answer_by=answer_by), now)


def assign_dispute(
    stands: Standing, now: datetime, *, owner: str | None = None, answer_by: date | None = None
) -> Report:
    """Somebody else deals with the dispute, or until another day; what is None stays as it is."""
    known = stands.facts.dispute
    if known is None:
        raise _not_disputed(stands)
    if owner is None and answer_by is None:
        raise Refusal(
            "say who deals with the dispute, or by when it is answered, or both", code="nothing_said"
        )
    _check_answer(stands, answer_by, now)
    said = {"owner": known.owner if owner is None else owner, "answer_by": answer_by or known.answer_by}
    return Report(e.DisputeAssigned.model_validate(said), now)


def resolve(stands: Standing, now: datetime, *, outcome: Outcome, credit: Decimal | None = None) -> Report:
    """The dispute ended; upheld credits what was disputed, or `credit` where the customer is right in less."""
    if not stands.facts.disputed:
        raise _not_disputed(stands)
    if credit is not None:
        if outcome != "upheld":
            raise Refusal(
                f"a dispute that is {outcome} credits nothing; leave the credit out, or uphold it",
                code="credit_not_upheld",
                field="credit",
            )
        check_money(stands, credit, None, "credit")
        _check_most(stands, credit, most_credited(stands.facts), "disputed", "credit")
    return Report(e.DisputeResolved(outcome=outcome, credit=credit), now)


def _not_disputed(stands: Standing) -> Refusal:
    return Refusal(f"{stands.number} is not disputed; it is {stands.situation.state}", code="not_disputed")


def _check_most(stands: Standing, amount: Decimal, most: Decimal, what: str, field: str = "amount") -> None:
    if amount > most:
        raise Refusal(
            f"{amount} is more than is {what}: {stands.number} has {money(most, stands.facts.currency)} {what}",
            code=f"more_than_{what}",
            field=field,
        )


def _check_answer(stands: Standing, answer_by: date | None, now: datetime) -> None:
    if answer_by is not None:
        check_coming("answer_by", answer_by, stands.situation.creditor_zone, now, "the creditor")
