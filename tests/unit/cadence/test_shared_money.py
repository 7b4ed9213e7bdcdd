"""Money over several invoices, played at random: however it comes, moves and goes back, none is made and none is lost."""

from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from cadence import events as e
from tests.unit.cadence.happenings import HAPPENINGS, Occasion
from tests.unit.cadence.household import Household
from tests.unit.cadence.pieces import ADDRESSES, PACKS, cadence, case
from tests.unit.cadence.purse import Purse

DUE_ON = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULER = cadence(case("call", "due + 90d"))
# What changes what is asked for, or what money is for.
OF_MONEY: list[type[e.InvoiceEvent]] = [
    e.PaymentReceived, e.PaymentReversed, e.CreditNoteIssued, e.CreditRefunded, e.LateChargesClaimed,
    e.LateChargesWaived, e.PromiseMade, e.PlanAgreed, e.DisputeOpened, e.DisputeResolved, e.InvoiceChanged,
]  # fmt: skip


class MoneyLife(Purse):
    """One customer whose invoices nobody writes to: only the money moves."""

    @initialize(count=st.integers(2, 3))
    def import_them(self, count: int) -> None:
        place = {"country": "ZZ", "zone": "UTC", "addresses": ADDRESSES}
        received = e.CustomerReceived.model_validate({"segment": "test", "language": "en"} | place)
        self.home = Household([received], PACKS, NOW)
        for days in range(count):
            self.home.admit(RULER, DUE_ON + timedelta(days=days))

    @precondition(lambda self: len(self.home.members) < 5)
    @rule(days=st.integers(-2, 9))
    def another_invoice_comes(self, days: int) -> None:
        self.home.admit(RULER, DUE_ON + timedelta(days=days))

    @rule(kind=st.sampled_from(OF_MONEY), pick=st.integers(0, 4), chance=st.randoms(use_true_random=False))
    def something_happens(self, kind: type[e.InvoiceEvent], pick: int, chance: Random) -> None:
        member = self.home.members[pick % len(self.home.members)]
        event = HAPPENINGS[kind](Occasion(member.facts, RULER.stages, NOW, chance))
        if event:
            self.home.tell(member, event)


MoneyLife.TestCase.settings = settings(
    stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_no_money_is_made_or_lost_over_the_invoices_of_a_customer = MoneyLife.TestCase
