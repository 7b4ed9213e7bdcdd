"""What an invoice's workflow can be told by signals: each is noted, and waits until `run` lets the ledger record it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from cadence.directive import SignalNote
    from workflows import signals


class Listener:
    """Handlers only take note; `run` acts.

    Each can be sent without input, as people do by hand: a missing argument would fail the workflow's task, and
    nothing would be heard any more.
    """

    inbox: list[SignalNote]

    @workflow.signal
    def payment_received(self, signal: signals.PaymentReceived | None = None) -> None:
        """Money arrived."""
        self.note("payment_received", signal)

    @workflow.signal
    def payment_reversed(self, signal: signals.PaymentReversed | None = None) -> None:
        """Money was taken back."""
        self.note("payment_reversed", signal)

    @workflow.signal
    def credit_note_issued(self, signal: signals.CreditNoteIssued | None = None) -> None:
        """A part of what was invoiced is given up."""
        self.note("credit_note_issued", signal)

    @workflow.signal
    def credit_refunded(self, signal: signals.CreditRefunded | None = None) -> None:
        """Credit was given back to the customer."""
        self.note("credit_refunded", signal)

    @workflow.signal
    def late_charges_waived(self, signal: signals.LateChargesWaived | None = None) -> None:
        """Late interest and costs are given up."""
        self.note("late_charges_waived", signal)

    @workflow.signal
    def dispute_opened(self, signal: signals.DisputeOpened | None = None) -> None:
        """The customer disputes the invoice, or a part of it."""
        self.note("dispute_opened", signal)

    @workflow.signal
    def dispute_assigned(self, signal: signals.DisputeAssigned | None = None) -> None:
        """Somebody deals with the dispute."""
        self.note("dispute_assigned", signal)

    @workflow.signal
    def dispute_resolved(self, signal: signals.DisputeResolved | None = None) -> None:
        """A dispute is over."""
        self.note("dispute_resolved", signal)

    @workflow.signal
    def approval_given(self, signal: signals.ApprovalGiven | None = None) -> None:
        """A step that waits for leave may go."""
        self.note("approval_given", signal)

    @workflow.signal
    def approval_refused(self, signal: signals.ApprovalRefused | None = None) -> None:
        """A step that waits for leave is not to go."""
        self.note("approval_refused", signal)

    @workflow.signal
    def due_date_extended(self, signal: signals.DueDateExtended | None = None) -> None:
        """The customer was given longer to pay."""
        self.note("due_date_extended", signal)

    @workflow.signal
    def promise_made(self, signal: signals.PromiseMade | None = None) -> None:
        """The customer promised to pay."""
        self.note("promise_made", signal)

    @workflow.signal
    def plan_agreed(self, signal: signals.PlanAgreed | None = None) -> None:
        """The customer pays in instalments."""
        self.note("plan_agreed", signal)

    @workflow.signal
    def plan_ended(self, signal: signals.PlanEnded | None = None) -> None:
        """The payment plan stands no more."""
        self.note("plan_ended", signal)

    @workflow.signal
    def pause(self, signal: signals.Pause | None = None) -> None:
        """Say nothing for a while."""
        self.note("pause", signal)

    @workflow.signal
    def resume(self, signal: signals.Resume | None = None) -> None:
        """Go on."""
        self.note("resume", signal)

    @workflow.signal
    def escalate(self, signal: signals.Escalate | None = None) -> None:
        """Go on at a later stage."""
        self.note("escalate", signal)

    @workflow.signal
    def cancel(self, signal: signals.Cancel | None = None) -> None:
        """Stop collecting."""
        self.note("cancel", signal)

    # What concerns the customer, or several invoices: sent to any one of theirs.

    @workflow.signal
    def customer_payment_received(self, signal: signals.CustomerPaymentReceived | None = None) -> None:
        """Money arrived for several invoices of the customer."""
        self.note("customer_payment_received", signal)

    @workflow.signal
    def customer_payment_reversed(self, signal: signals.CustomerPaymentReversed | None = None) -> None:
        """Money that went to several invoices was taken back."""
        self.note("customer_payment_reversed", signal)

    @workflow.signal
    def use_credit(self, signal: signals.UseCredit | None = None) -> None:
        """Let the customer's credit pay this invoice."""
        self.note("use_credit", signal)

    @workflow.signal
    def claim_late_charges(self, signal: signals.ClaimLateCharges | None = None) -> None:
        """Ask for late interest and costs."""
        self.note("claim_late_charges", signal)

    @workflow.signal
    def pause_customer(self, signal: signals.PauseCustomer | None = None) -> None:
        """Say nothing to the customer for a while."""
        self.note("pause_customer", signal)

    @workflow.signal
    def resume_customer(self, signal: signals.ResumeCustomer | None = None) -> None:
        """Go on with the customer."""
        self.note("resume_customer", signal)

    @workflow.signal
    def assign_segment(self, signal: signals.AssignSegment | None = None) -> None:
        """Put the customer into a segment by hand."""
        self.note("assign_segment", signal)

    @workflow.signal
    def clear_segment(self, signal: signals.ClearSegment | None = None) -> None:
        """Let the rules decide on the customer's segment again."""
        self.note("clear_segment", signal)

    @workflow.signal
    def suppress(self, signal: signals.Suppress | None = None) -> None:
        """Use a channel, or all of them, no more for the customer."""
        self.note("suppress", signal)

    @workflow.signal
    def unsuppress(self, signal: signals.Unsuppress | None = None) -> None:
        """Use a channel again, or let the customer be contacted again."""
        self.note("unsuppress", signal)

    @workflow.signal
    def consent_given(self, signal: signals.ConsentGiven | None = None) -> None:
        """The customer agreed to a channel."""
        self.note("consent_given", signal)

    @workflow.signal
    def merge_customer(self, signal: signals.MergeCustomer | None = None) -> None:
        """The customer is one with another."""
        self.note("merge_customer", signal)

    @workflow.signal
    def migrate(self, signal: signals.Migrate | None = None) -> None:
        """Go on by the newest version of the cadence."""
        self.note("migrate", signal)

    def note(self, name: str, signal: signals.Signal | None) -> None:
        """Put a signal into the inbox; one without an id gets one that replays the same."""
        given: dict[str, str] = signal.model_dump() if signal else {}
        fields = {field: value for field, value in given.items() if field != "id" and value}
        if not given.get("id"):
            fields["unidentified"] = "1"
        note_id = given.get("id") or str(workflow.uuid4())
        self.inbox.append(SignalNote(name=name, id=note_id, at=workflow.now(), fields=fields))
