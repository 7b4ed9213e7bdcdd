"""Perform the items that are no messages, and settle messages whose fate nobody knows."""

from dataclasses import dataclass

from temporalio import activity

from activities.clock import Clock
from cadence.directive import Directive, ItemOrder
from cadence.words import Channel
from channels.sms import TwilioSms
from channels.whatsapp import TwilioWhatsApp
from ledger.access import Ledger
from ledger.performing import LostMessage, lost_message, perform, settle_lost


@dataclass(frozen=True, slots=True)
class Performing:
    """One activity named for each kind of item, over one ledger."""

    ledger: Ledger
    clock: Clock
    sms: TwilioSms
    whatsapp: TwilioWhatsApp

    @activity.defn
    async def open_case(self, order: ItemOrder) -> Directive:
        """Open the case that the item asks for."""
        return await self._perform(order)

    @activity.defn
    async def check_promise(self, order: ItemOrder) -> Directive:
        """Judge a promise whose day has ended."""
        return await self._perform(order)

    @activity.defn
    async def check_dispute(self, order: ItemOrder) -> Directive:
        """Say that the day has ended by which a dispute was to be answered."""
        return await self._perform(order)

    @activity.defn
    async def check_instalment(self, order: ItemOrder) -> Directive:
        """Judge an instalment of a payment plan whose day has ended."""
        return await self._perform(order)

    @activity.defn
    async def ask_approval(self, order: ItemOrder) -> Directive:
        """Ask whether a step that fell due may go."""
        return await self._perform(order)

    @activity.defn
    async def remind_approval(self, order: ItemOrder) -> Directive:
        """Ask again."""
        return await self._perform(order)

    @activity.defn
    async def time_out_approval(self, order: ItemOrder) -> Directive:
        """Say that nobody answered in time."""
        return await self._perform(order)

    @activity.defn
    async def end_hold(self, order: ItemOrder) -> Directive:
        """End a hold whose time has come."""
        return await self._perform(order)

    @activity.defn
    async def hand_over(self, order: ItemOrder) -> Directive:
        """Close the invoice and give it to somebody outside."""
        return await self._perform(order)

    @activity.defn
    async def write_off(self, order: ItemOrder) -> Directive:
        """Close the invoice as lost."""
        return await self._perform(order)

    async def _perform(self, order: ItemOrder) -> Directive:
        watch = await self.clock.watch(order)
        return await perform(self.ledger, order, watch.now())

    @activity.defn
    async def reconcile_message(self, order: ItemOrder) -> Directive:
        """Look for a message whose attempt ended in the dark; a list that cannot be read is asked again."""
        watch = await self.clock.watch(order)
        lost = await lost_message(self.ledger, order, watch.now())
        if isinstance(lost, Directive):
            return lost
        return await settle_lost(self.ledger, order, lost, await self._found(lost), watch.now())

    async def _found(self, lost: LostMessage) -> str | None:
        if lost.channel is Channel.SMS:
            return await self.sms.find(lost.address, lost.reference, lost.since)
        if lost.channel is Channel.WHATSAPP:
            return await self.whatsapp.find(lost.address, lost.reference, lost.since)
        return None
