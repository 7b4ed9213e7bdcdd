"""The search attributes of an invoice's workflow: ids and codes of ours, never a customer's data."""

from temporalio.common import SearchAttributeKey

SEGMENT = SearchAttributeKey.for_keyword("ReguaSegment")
CUSTOMER = SearchAttributeKey.for_keyword("ReguaCustomer")
STATE = SearchAttributeKey.for_keyword("ReguaState")
