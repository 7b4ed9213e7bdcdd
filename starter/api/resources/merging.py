"""Merging customers: two in the books who are one person, made one for good."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict

from cadence.words import Slug
from ledger.customer_intake import CustomerKey as Named
from ledger.merging import Merged, merge, preview_merge
from starter.api.identity import may
from starter.api.resources.customers import CUSTOMER
from starter.api.resources.words import CustomerKey, Remark, Serving
from starter.api.roles import Permission
from starter.api.service import Caller

router = APIRouter(tags=["customers"])

Merger = Annotated[Caller, Depends(may(Permission.MERGE_CUSTOMERS))]


class MergeOrder(Remark):
    """Into whom (the creditor's key), and why (a code); a preview changes nothing."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"into": "C-77", "reason": "duplicate", "preview": True}}
    )

    into: Named
    reason: Slug
    preview: bool = False


@router.post(CUSTOMER + "/merge")
async def merge_customers(held: Serving, order: MergeOrder, caller: Merger, key: CustomerKey) -> Merged:
    """Merge a customer into another: invoices, contacts and replies move, the stricter of both holds. No way back.

    `recorded` is false for a preview, and where the two had been merged before.
    """
    if order.preview:
        return await preview_merge(held.ledger, key, order.into, held.clock())
    origin = caller.origin(note=order.note)
    return await merge(held.ledger, key, order.into, order.reason, origin, held.clock())
