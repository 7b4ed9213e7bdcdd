"""What others may tell an invoice's workflow. Every field has a default and unknown ones are ignored:

a signal whose payload does not decode would be dropped, and with it, say, a payment.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _as_text(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text)]


class Signal(BaseModel):
    """A typed signal. `id` makes it harmless to send twice; one is made up where it is empty."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Text = ""


class PaymentReceived(Signal):
    """Money arrived: `id` in the same key space as payment webhooks, `amount` as decimal text, ISO 4217 currency.

    Without all three the invoice is held and a case opened, for nobody can tell what was paid.
    """

    amount: Text = ""
    currency: Text = ""
    method: Text = ""


class PaymentReversed(Signal):
    """Money was taken back: `id` is the reversal's own, `amount` decimal text, ISO 4217 `currency`.

    Without all three, or with more than was paid, the invoice is held and a case opened.
    """

    amount: Text = ""
    currency: Text = ""


class CreditNoteIssued(Signal):
    """The creditor credited `amount` (decimal text) of what was invoiced; the invoice's `currency` where empty."""

    amount: Text = ""
    currency: Text = ""


class CreditRefunded(Signal):
    """Credit of `amount` (decimal text) was given back to the customer; the invoice's `currency` where empty."""

    amount: Text = ""
    currency: Text = ""


class LateChargesWaived(Signal):
    """Late interest and costs that are claimed and not paid are given up."""


class DisputeOpened(Signal):
    """The customer disputes `amount`, or all of the invoice where that is empty or no amount; `reason` is a code.

    `owner` is the code of who deals with it, `answer_by` the ISO date by which the customer is to have an answer.
    """

    reason: Text = ""
    amount: Text = ""
    owner: Text = ""
    answer_by: Text = ""


class DisputeAssigned(Signal):
    """Who deals with the dispute, a code, and until which ISO date; what is left empty is so from now on."""

    owner: Text = ""
    answer_by: Text = ""


class DisputeResolved(Signal):
    """The dispute is over: `outcome` is upheld, rejected or withdrawn; `credit` is less than was disputed."""

    outcome: Text = ""
    credit: Text = ""


class ApprovalGiven(Signal):
    """`step` may go, the only one that waits for leave where empty."""

    step: Text = ""


class ApprovalRefused(Signal):
    """`step` is not to go, the only one that waits for leave where empty; `reason` is a code."""

    step: Text = ""
    reason: Text = ""


class DueDateExtended(Signal):
    """The customer may pay until the ISO date `due_on`, later than the due date so far; `reason` is a code."""

    due_on: Text = ""
    reason: Text = ""


class PromiseMade(Signal):
    """The customer promises to pay `amount` (all that is open and not promised, where empty) by the ISO date `by`.

    `method` is how, as a code; `replaces` is true where it takes the place of the open promises.
    """

    amount: Text = ""
    by: Text = ""
    method: Text = ""
    replaces: Text = ""


class PlanAgreed(Signal):
    """The customer pays in parts: `instalments` as ISO dates and amounts, `2026-12-01=100.00 2027-01-01=100.00`.

    `method` is how, as a code.
    """

    instalments: Text = ""
    method: Text = ""


class PlanEnded(Signal):
    """The payment plan stands no more; `reason` is a code."""

    reason: Text = ""


class Pause(Signal):
    """Say nothing until the ISO instant or date `until`, or until resumed; `reason` is a code."""

    until: Text = ""
    reason: Text = ""


class Resume(Signal):
    """End every hold."""


class Escalate(Signal):
    """Go on at `stage`, the next one where empty."""

    stage: Text = ""


class Cancel(Signal):
    """The invoice is not to be collected; `reason` is a code."""

    reason: Text = ""


class CustomerPaymentReceived(Signal):
    """Money arrived for several invoices: `id` in the same key space as payment webhooks, `amount` as decimal text.

    `shares` is what of it is for which invoice, by our ids, `203=20.50 204=30`; the rest goes to the oldest due first.
    Without id, amount and currency, or where it cannot be shared out, the invoice is held and a case opened.
    """

    amount: Text = ""
    currency: Text = ""
    method: Text = ""
    shares: Text = ""


class CustomerPaymentReversed(Signal):
    """`amount` of the payment with the id `payment`, all that is left of it where empty, was taken back.

    `id` is the reversal's own. Where it cannot be, the invoice is held and a case opened.
    """

    payment: Text = ""
    amount: Text = ""


class UseCredit(Signal):
    """Move `amount` (decimal text) of the customer's credit onto the invoice, as much as fits where empty."""

    amount: Text = ""


class ClaimLateCharges(Signal):
    """Claim late charges up to the ISO date `until`, today where empty; `only` interest or costs, both where empty."""

    until: Text = ""
    only: Text = ""


class PauseCustomer(Signal):
    """Say nothing to the customer until the ISO instant or date `until`, or until resumed; `reason` is a code."""

    until: Text = ""
    reason: Text = ""


class ResumeCustomer(Signal):
    """End every hold of the customer, and of their invoices what came of those."""


class AssignSegment(Signal):
    """Put the customer into `segment` by hand; `reason` is a code.

    `effect` is `now` where the open invoices move to its cadence as well, else it counts from the next invoice on.
    """

    segment: Text = ""
    reason: Text = ""
    effect: Text = ""


class ClearSegment(Signal):
    """Let the rules, or the file, decide again on a segment that was assigned by hand; `effect` as there."""

    effect: Text = ""


class Suppress(Signal):
    """Use `channel` no more for the customer, every channel where empty; `reason` is one of the command's.

    It is said of the billing contact, or of the contacts with a `role`. No address is ever in a signal.
    """

    channel: Text = ""
    reason: Text = ""
    role: Text = ""


class Unsuppress(Signal):
    """Use `channel` again; without one, lift what forbids all contact. `proof` is a code of what shows it."""

    channel: Text = ""
    role: Text = ""
    proof: Text = ""


class ConsentGiven(Signal):
    """The customer agreed to `channel` under the `wording` (a code), for the address that is known now.

    `proof` is a code of what shows it; `role` says which contact agreed, the billing contact where empty.
    """

    channel: Text = ""
    wording: Text = ""
    role: Text = ""
    proof: Text = ""


class MergeCustomer(Signal):
    """The customer is the same as the one with our id `into`, who stays; `reason` is a code. There is no way back."""

    into: Text = ""
    reason: Text = ""


class Migrate(Signal):
    """Let the invoice go on by the newest version of its cadence."""
