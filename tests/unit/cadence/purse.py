"""The money of a household, for machines that play one: payments for several invoices, credit, and what went back."""

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.cadence.household import Household


class Purse(RuleBasedStateMachine):
    """What can happen to the money of several invoices at once, and what holds of it after each step of a machine."""

    home: Household

    @precondition(lambda self: self.home.owing())
    @rule(
        amount=st.sampled_from(["0.01", "60", "150.05", "333.33"]).map(Decimal),
        named=st.sampled_from([None, "0.01", "40", "1000"]),
        pick=st.integers(0, 3),
    )
    def one_payment_comes_for_several(self, amount: Decimal, named: str | None, pick: int) -> None:
        """Some of it, or all, for an invoice that the payer names; the rest for the oldest, whose turn comes first."""
        open_ = sorted(self.home.owing())
        wish = {open_[pick % len(open_)]: min(amount, Decimal(named))} if named else {}
        self.home.pay_together(amount, wish)
        older_first = sorted(
            self.home.shared[-1], key=lambda part: self.home.members[part.place].facts.due_on
        )
        for part in older_first[:-1]:
            still_owing = self.home.owing().get(f"{part.place}")
            assert wish or still_owing is None, f"{part} was not filled before a younger one"

    @precondition(lambda self: self.home.shared)
    @rule(pick=st.integers(0, 9), amount=st.sampled_from(["0.01", "75", "1000"]).map(Decimal))
    def it_is_taken_back(self, pick: int, amount: Decimal) -> None:
        self.home.take_back_together(self.home.shared[pick % len(self.home.shared)], amount)

    @precondition(lambda self: any(member.facts.credit for member in self.home.members))
    @rule()
    def credit_is_used(self) -> None:
        for source in self.home.members:
            for target in self.home.owing().values():
                share = min(source.facts.credit, target.facts.balance)
                if share > 0:
                    self.home.move_credit(source, target, share)

    @invariant()
    def what_came_in_is_on_the_invoices_or_was_given_back(self) -> None:
        facts = [member.facts for member in self.home.members]
        used = sum(each.amount + each.charges.claimed - each.credited - each.balance for each in facts)
        assert used == self.home.till
        assert sum(each.paid - each.refunded for each in facts) == self.home.till

    @invariant()
    def nobody_owes_more_than_was_asked(self) -> None:
        """But where credit was refunded whose payment then went back."""
        for member in self.home.members:
            facts = member.facts
            asked = facts.amount + facts.charges.claimed - facts.credited
            assert facts.balance <= max(asked, Decimal(0)) + facts.refunded
