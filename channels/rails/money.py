"""What a payment rail tells of money, in one vocabulary, and what every rail can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

ReferenceKind = Literal[
    "creditor_reference", "pix_txid", "invoice", "link", "provider", "customer", "reference", "text"
]
MoneyKind = Literal["payment", "reversal", "dispute", "dispute_won", "dispute_lost"]


class MalformedWebhook(Exception):  # a verdict on what was sent, not a mistake of ours
    """A well-signed webhook cannot be understood; the text says which field is wrong, and what it should be.

    It never quotes a name, an address or free text. The answer is 400, and nothing is stored.
    """


class ProviderAway(Exception):  # a state of the provider, not a mistake of ours
    """The provider could not be asked now; `code` says why (`ConnectTimeout`, `http_503`, `http_401`).

    Try again later: the webhook stays in the inbox.
    """

    def __init__(self, code: str) -> None:
        super().__init__(f"the payment provider could not be asked ({code}); it is asked again later")
        self.code = code


class NotConfirmed(Exception):  # the provider's verdict, not a mistake of ours
    """The provider does not confirm what the webhook says: keep it for an agent, never apply it.

    `code` is `unknown_to_provider`, `status_differs`, `amount_differs`, `currency_differs` or
    `answer_not_understood`. `notes` is what
    the webhook claimed, for the agent's eyes; empty where the webhook carries only an id.
    """

    def __init__(self, code: str, notes: "tuple[MoneyNote, ...]" = ()) -> None:
        super().__init__(f"the provider does not confirm this ({code})")
        self.code = code
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Reference:
    """A word by which an invoice may be found.

    `creditor_reference` looks like ISO 11649 (RF..., without spaces, in capitals; its check digits are not checked
    here); `pix_txid` is the charge's; `invoice` the creditor's own number, told as such; `link` a payment link's
    token; `provider` an id that the provider made (pay_..., pi_..., in_...); `customer` the creditor's own key of who
    paid, for whatever they owe; `reference` was told without its kind: try it exactly as each of the others; `text`
    is free text in which a reference or a number may occur as a word. One line of 1 to 200 characters, 1 to 500 for
    `text`.
    """

    kind: ReferenceKind
    value: str


@dataclass(frozen=True, slots=True)
class MoneyNote:
    """A movement of money, or a dispute about one, as its rail tells it.

    `id` names this movement in the one key space of payments (endToEndId, pi_..., pay_..., mercadopago-123; a
    reversal's or dispute's own id likewise), one line of 1 to 200 characters: told twice under one id, it counts
    once, also where the second telling brings more references (Stripe's session after its payment). `dispute`,
    `dispute_won` and `dispute_lost` of one dispute bear ids of their own, so that each is a fact. `amount` is above
    zero and exact in `currency`, an ISO 4217 code that may be one Régua does not write in. `at` is aware UTC: when
    the money moved, or the dispute's turn came. `method` is a slug, "" where unknown. `references` come most trusted
    first. `shares` are what of the amount its payer meant for which invoice, by the creditor's number. `payer` is the
    name the provider gives: for the ledger only.

    `of` is the id of the payment that a reversal or dispute is about; it may not have been told yet. A
    `payment` has one only where it gives back what a dispute had taken (a reversal told before): it belongs
    to the invoice of that payment. A dispute does not move money by itself: what it takes or gives back is
    told as a reversal or a payment beside it.
    """

    kind: MoneyKind
    id: str
    amount: Decimal
    currency: str
    at: datetime
    method: str
    references: tuple[Reference, ...] = ()
    payer: str | None = None
    of: str | None = None
    shares: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What the inbox keeps of a webhook, one row each: unique by the rail's source and `external_id`."""

    external_id: str
    body: str


class Rail(Protocol):
    """One way in which money is told. Stateless, safe to share between tasks.

    `source` names it in the inbox and in its path: "payment" at /payments, the others ("stripe", "pix",
    "asaas", "mercadopago") at /payments/<source>. `answer_status` is what a provider wants to be answered for
    a webhook that was taken (Asaas counts only 200), also where it has no entries.
    """

    source: str
    answer_status: int

    def verify(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
        """Raise `channels.verify.SignatureRejected`, always with the same text, and nothing else.

        `raw` is the body's exact bytes, `headers` in any case, `query` decoded, `now` the real time (aware).
        """
        ...

    def entries(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> list[Entry]:
        """What to keep of a verified webhook, in its order; empty where it tells of nothing we act on.

        Raises `MalformedWebhook` and nothing else.
        """
        ...

    async def read(self, body: str) -> list[MoneyNote]:
        """Read one entry's body, confirmed with the provider where that is configured; in order of time.

        The answer may be empty (a card authorised but not charged). Repeating it is harmless. Raises
        `ProviderAway` (try again later), `NotConfirmed` (keep, never apply), or `MalformedWebhook` where a
        body passed `entries` but holds no payment that can be understood (keep, never apply).
        """
        ...
