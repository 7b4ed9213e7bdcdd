"""Stripe: signed events about payments, refunds and disputes, confirmed by its API where a key is set.

Subscribe the endpoint to the types in `READERS`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from typing_extensions import override

from channels.rails import asking
from channels.rails.bodies import Body, Code, json_object, json_text, read_as
from channels.rails.money import Entry, MoneyNote, NotConfirmed, Rail
from channels.rails.signing import accept_only, any_equal, fresh, header, mac, octets, seconds
from channels.rails.stripe_events import READERS, Event, Payment, amount_of

# By the beginning of an id: where the API tells of it, and in which statuses what was told is so. A dispute's
# own turns are dated by events, not by the status it has by now.
_RESOURCES: dict[str, tuple[str, frozenset[str] | None]] = {
    "pi_": ("payment_intents", frozenset({"succeeded"})),
    "ch_": ("charges", frozenset({"succeeded"})),
    "py_": ("charges", frozenset({"succeeded"})),
    "re_": ("refunds", frozenset({"succeeded"})),
    "pyr_": ("refunds", frozenset({"succeeded"})),
    "dp_": ("disputes", None),
    "du_": ("disputes", None),
}


class _Envelope(Body):
    id: Code
    type: str


class StripeRail(Rail):
    """Stripe-Signature (HMAC-SHA256 over t.body, five minutes either way); the inbox's key is the event's id.

    A payment's id is the PaymentIntent's (pi_...), or the Charge's where there is none. `api_key` may be a
    restricted one that reads PaymentIntents, Charges, Refunds and Disputes.
    """

    source = "stripe"
    answer_status = 200

    def __init__(self, secret: SecretStr, api_key: SecretStr | None, base_url: str, timeout: float) -> None:
        self._secret = secret.get_secret_value().encode()
        self._api_key, self._base_url, self._timeout = api_key, base_url, timeout

    @override
    def verify(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
        parts = [part.partition("=") for part in header(headers, "Stripe-Signature").split(",")]
        stamp = next((value for name, _, value in parts if name.strip() == "t"), "")
        offered = [value for name, _, value in parts if name.strip() == "v1"]
        expected = mac(self._secret, octets(stamp), b".", raw).hex().encode()
        signed, recent = any_equal([expected], offered), fresh(seconds(stamp), now.timestamp())
        accept_only(signed and recent)

    @override
    def entries(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> list[Entry]:
        body = json_object(raw)
        event = read_as(_Envelope, body)
        return [Entry(event.id, json_text(body))] if event.type in READERS else []

    @override
    async def read(self, body: str) -> list[MoneyNote]:
        event = read_as(Event, json_object(body))
        note = READERS[event.type](event)
        if note is not None and self._api_key is not None:
            await self._confirm(note, self._api_key)
        return [] if note is None else [note]

    async def _confirm(self, note: MoneyNote, api_key: SecretStr) -> None:
        identity = note.id.partition(":")[0]
        prefix = identity[: identity.find("_") + 1]
        resource, statuses = _RESOURCES.get(prefix, ("", None))
        headers = {"Authorization": f"Bearer {api_key.get_secret_value()}"}
        async with asking.client(self._base_url, self._timeout) as http:
            truth = await asking.get(http, f"/v1/{resource}/{identity}", headers) if resource else None
        if truth is None:
            raise NotConfirmed("unknown_to_provider", (note,))
        _agree(note, truth, statuses)


def _agree(note: MoneyNote, truth: dict[str, Any], statuses: frozenset[str] | None) -> None:
    """Raise `NotConfirmed` unless status, amount and currency are what the event said."""
    told = asking.understood(Payment, truth, (note,))
    currency = told.currency.upper()
    if statuses is not None and told.status not in statuses:
        raise NotConfirmed("status_differs", (note,))
    if currency != note.currency:
        raise NotConfirmed("currency_differs", (note,))
    if amount_of(told.paid, currency) != note.amount:
        raise NotConfirmed("amount_differs", (note,))
