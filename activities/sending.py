"""Send a message: permit, begin, ask the provider, conclude. One activity for each channel."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.clock import Clock, Watch
from activities.composing import Draft, M, compose_email, compose_sms, compose_whatsapp
from cadence.creditor import Creditor
from cadence.directive import Directive, ItemOrder
from channels.email import SendGridEmail
from channels.outcome import ErrorClass, Outcome
from channels.sms import TwilioSms
from channels.whatsapp import TwilioWhatsApp
from ledger.access import Ledger
from ledger.attempts import Result, goes_again
from ledger.sending import Permit, begin, conclude, permit
from templates.rendering import TemplateError

Compose = Callable[[Permit, Creditor, str, datetime], Draft[M]]
Hand = Callable[[M], Awaitable[Outcome]]
# Seconds. Providers ask for minutes; a slip in a header must not silence an invoice for years.
LONGEST_REST = 3_600.0


@dataclass(frozen=True, slots=True)
class Sending:
    """The three sending activities, over one ledger and the providers."""

    ledger: Ledger
    clock: Clock
    public_url: str
    email: SendGridEmail
    sms: TwilioSms
    whatsapp: TwilioWhatsApp

    @activity.defn
    async def send_email(self, order: ItemOrder) -> Directive:
        """Send one e-mail, if the ledger permits it now; return the directive that follows."""
        return await self._send(order, compose_email, self.email.send)

    @activity.defn
    async def send_sms(self, order: ItemOrder) -> Directive:
        """Send one SMS, if the ledger permits it now; return the directive that follows."""
        return await self._send(order, compose_sms, self.sms.send)

    @activity.defn
    async def send_whatsapp(self, order: ItemOrder) -> Directive:
        """Send one WhatsApp template, if the ledger permits it now; return the directive that follows."""
        return await self._send(order, compose_whatsapp, self.whatsapp.send)

    async def _send(self, order: ItemOrder, compose: Compose[M], hand: Hand[M]) -> Directive:
        watch = await self.clock.watch(order)
        leave = await permit(self.ledger, order, watch.now())
        granted = leave.permit
        if granted is None:
            _count("not_permitted")
            return leave.directive
        try:
            draft = await self._draft(granted, compose, watch)
        except TemplateError as error:
            # Ours to mend, not the customer's to suffer: a case opens, and the next channel has its turn.
            result = Result("rejected", code=error.code, error_class=ErrorClass.template)
            return await conclude(self.ledger, granted, result, watch.now())
        await self._begin(granted, draft, watch)
        outcome = await hand(draft.message)
        _count(outcome.kind)
        result = _result(outcome)
        directive = await conclude(self.ledger, granted, result, watch.now())
        if goes_again(result):
            raise refused(outcome)
        return directive

    async def _draft(self, granted: Permit, compose: Compose[M], watch: Watch) -> Draft[M]:
        write = partial(compose, granted, self.ledger.creditor, self.public_url, watch.now())
        # In a thread: to set a statement takes a hundred times as long as to fill a letter in.
        return await asyncio.to_thread(write) if granted.account else write()

    async def _begin(self, granted: Permit, draft: Draft[M], watch: Watch) -> None:
        began = await begin(
            self.ledger,
            granted.attempt_id,
            subject=draft.subject,
            html=draft.html,
            body=draft.body,
            address=granted.address,
            now=watch.now(),
        )
        if not began:
            message = "the permit's lease ran out before the provider was asked; the retry asks for a new one"
            raise ApplicationError(message, type="LeaseRanOut")


def _count(outcome: str) -> None:
    """For whoever watches: how many were sent, by what became of them."""
    counter = activity.metric_meter().create_counter("regua_attempts", "Attempts, by what became of them.")
    counter.add(1, {"activity": activity.info().activity_type, "outcome": str(outcome)})


def _result(outcome: Outcome) -> Result:
    return Result(outcome.kind, outcome.provider_id, outcome.code, outcome.error_class)


def refused(outcome: Outcome) -> ApplicationError:
    """The error by which Temporal tries again, after as long as the provider asks for, within reason."""
    delay = timedelta(seconds=min(outcome.retry_after, LONGEST_REST)) if outcome.retry_after else None
    return ApplicationError("the provider refused", type="Refused", next_retry_delay=delay)
