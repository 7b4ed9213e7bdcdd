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
    )
    from workflows.attributes import STATE
    from workflows.listening import Listener

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
class InvoiceWorkflow(Listener):
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

    @workflow.signal(name="directive")
    def directive_changed(self, told: Directive | None = None) -> None:
        """The relay brings the ledger's current directive."""
        if told:
            self.obey(told)

    @workflow.query
    def current_directive(self) -> Directive:
        """What the workflow is waiting for."""
        return self.directive
