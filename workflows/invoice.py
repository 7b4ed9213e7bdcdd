"""The life of one invoice: wait for the next agenda item, perform it, and listen all the while."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityCancellationType, ActivityHandle

with workflow.unsafe.imports_passed_through():
    from cadence.directive import (
        Directive,
        InvoiceStart,
        Item,
        ItemKind,
        ItemOrder,
        RecordOrder,
        SignalNote,
    )
    from workflows import signals
    from workflows.attributes import STATE

# Which activity performs which item, and the queue of its own that it waits in, beside the workflow's ("").
PERFORMED_BY = {
    ItemKind.SEND_EMAIL: ("send_email", "-email"),
    ItemKind.SEND_SMS: ("send_sms", "-sms"),
    ItemKind.SEND_WHATSAPP: ("send_whatsapp", "-whatsapp"),
    ItemKind.OPEN_CASE: ("open_case", ""),
    ItemKind.CHECK_PROMISE: ("check_promise", ""),
    ItemKind.CHECK_DISPUTE: ("check_dispute", ""),
    ItemKind.CHECK_INSTALMENT: ("check_instalment", ""),
    ItemKind.ASK_APPROVAL: ("ask_approval", ""),
    ItemKind.REMIND_APPROVAL: ("remind_approval", ""),
    ItemKind.TIME_OUT_APPROVAL: ("time_out_approval", ""),
    ItemKind.END_HOLD: ("end_hold", ""),
    ItemKind.RECONCILE_MESSAGE: ("reconcile_message", ""),
    ItemKind.HAND_OVER: ("hand_over", ""),
    ItemKind.WRITE_OFF: ("write_off", ""),
}
# Longer than a provider's time-out and two transactions; an activity that takes more has lost its worker.
ATTEMPT_TIMEOUT = timedelta(seconds=30)
# A ledger or provider that is away is asked again for as long as it takes: a failed send never ends an invoice.
PATIENCE = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn
class InvoiceWorkflow:
    """Keeps time for one invoice. What is true and what comes next, the ledger says; this waits and obeys."""

    @workflow.init
    def __init__(self, start: InvoiceStart) -> None:
        self.directive = start.directive
        self.performed = start.performed
        self.inbox = list(start.inbox)
        self.shown_state = start.directive.state

    @workflow.run
    async def run(self, _start: InvoiceStart) -> None:
        while not self.is_over():
            self.show_state()
            if workflow.info().is_continue_as_new_suggested():
                self.continue_as_new()
            if self.inbox:
                await self.record_signals()
            elif await self.item_is_due():
                await self.perform_item()
        self.show_state()

    def is_over(self) -> bool:
        """Closed by the ledger, with nothing in the inbox that it has not heard."""
        return self.directive.closed and not self.inbox and workflow.all_handlers_finished()

    def continue_as_new(self) -> None:
        """Start over with a short history; what is in the inbox travels along."""
        workflow.continue_as_new(
            InvoiceStart(directive=self.directive, performed=self.performed, inbox=self.inbox)
        )

    def show_state(self) -> None:
        """Let Temporal's own lists show where the invoice stands."""
        if self.shown_state != self.directive.state:
            workflow.upsert_search_attributes([STATE.value_set(self.directive.state)])
            self.shown_state = self.directive.state

    async def item_is_due(self) -> bool:
        """Wait for the next item's instant, or for news; True only where the item is to be performed now."""
        item = self.next_item()
        if item is None:
            await workflow.wait_condition(lambda: self.has_news(item))
            return False
        remaining = item.at - workflow.now()
        if remaining <= timedelta(0):
            return True
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self.has_news(item), timeout=remaining)
        return False

    def next_item(self) -> Item | None:
        """The directive's item, unless it was performed already: an equal directive is not performed again."""
        return self.directive.item if self.directive.item != self.performed else None

    def has_news(self, item: Item | None) -> bool:
        """Whether somebody spoke while we waited: a signal, another item, or the end."""
        return bool(self.inbox) or self.directive.closed or self.next_item() != item

    async def perform_item(self) -> None:
        """Perform the directive's item, listening meanwhile: a payment must not queue behind a slow send."""
        item = self.directive.item
        assert item is not None
        activity, queue = PERFORMED_BY[item.kind]
        pending = workflow.start_activity(
            activity,
            ItemOrder(invoice_id=self.directive.invoice_id, key=item.key, at=item.at),
            result_type=Directive,
            task_queue=workflow.info().task_queue + queue,
            start_to_close_timeout=ATTEMPT_TIMEOUT,
            retry_policy=PATIENCE,
            # An attempt under way is let finish: its result must reach the ledger before the invoice closes.
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        await self.listen_beside(pending, lambda: self.directive.item == item)
        try:
            answer = await pending
        except ActivityError:
            # Called off, so not performed: a later directive may well ask for it again.
            workflow.logger.info("%s was called off", activity)
            return
        self.obey(answer)
        if self.directive == answer:
            self.performed = item

    async def listen_beside(
        self, pending: ActivityHandle[Directive], still_wanted: Callable[[], bool]
    ) -> None:
        """Record what comes while an activity is pending, and call it off where it is wanted no more."""
        while still_wanted() and not pending.done():
            await workflow.wait_condition(lambda: pending.done() or bool(self.inbox) or not still_wanted())
            if self.inbox:
                await self.record_signals()
        if not pending.done():
            pending.cancel()
        while not pending.done():
            await workflow.wait_condition(lambda: pending.done() or bool(self.inbox))
            if self.inbox:
                await self.record_signals()

    async def record_signals(self) -> None:
        """Let the ledger take note of the inbox, in order, and obey what follows from it."""
        heard = list(self.inbox)
        order = RecordOrder(invoice_id=self.directive.invoice_id, notes=heard)
        told = await workflow.execute_activity(
            "record_signals",
            order,
            result_type=Directive,
            start_to_close_timeout=ATTEMPT_TIMEOUT,
            retry_policy=PATIENCE,
        )
        del self.inbox[: len(heard)]
        self.obey(told)

    def obey(self, told: Directive) -> None:
        """Take a directive, unless a newer one came first."""
        if told.version > self.directive.version:
            # The ledger knows what it answered; what it orders after that is to be done, though it look the same.
            self.performed = None
        if told.version >= self.directive.version:
            self.directive = told

    # Signals. Handlers only take note; `run` acts. Each can be sent without input, as people do by hand: a missing
    # argument would fail the workflow's task, and nothing would be heard any more.

    @workflow.signal(name="directive")
    def directive_changed(self, told: Directive | None = None) -> None:
        """The relay brings the ledger's current directive."""
        if told:
            self.obey(told)

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

    def note(self, name: str, signal: signals.Signal | None) -> None:
        """Put a signal into the inbox; one without an id gets one that replays the same."""
        given: dict[str, str] = signal.model_dump() if signal else {}
        fields = {field: value for field, value in given.items() if field != "id" and value}
        if not given.get("id"):
            fields["unidentified"] = "1"
        note_id = given.get("id") or str(workflow.uuid4())
        self.inbox.append(SignalNote(name=name, id=note_id, at=workflow.now(), fields=fields))

    @workflow.query
    def current_directive(self) -> Directive:
        """What the workflow is waiting for."""
        return self.directive
