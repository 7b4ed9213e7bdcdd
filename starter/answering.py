"""Answering a customer in an agent's own words: what can be said by a channel, judged before it is written down."""

from datetime import datetime

from cadence.creditor import Creditor
from cadence.words import Channel, one_line
from ledger.access import Ledger
from ledger.answering import WrittenAnswer, write_answer
from ledger.keys import REFERENCE_LENGTH
from ledger.unit import Origin
from starter.session import Refusal
from templates.answers import answer_sms
from templates.errors import TemplateError

LONGEST = 1_000  # characters; Twilio takes 1,600 with what signs them


async def answer(
    ledger: Ledger,
    invoice: str,
    channel: Channel,
    text: str,
    origin: Origin,
    now: datetime,
    *,
    customer: str | None = None,
    role: str | None = None,
) -> WrittenAnswer:
    """Put an answer on the agenda of the creditor's invoice number; raise Refusal for its text, else LedgerError.

    It goes to whoever wrote last by the channel: of the customer's contacts with a `role`, where one is named.
    """
    written = _read(text, channel, ledger.creditor)
    return await write_answer(ledger, invoice, channel, written, origin, now, customer=customer, role=role)


def _read(text: str, channel: Channel, creditor: Creditor) -> str:
    try:
        written = "\n".join(one_line(line) for line in text.strip().splitlines())
    except ValueError as error:
        raise _refused(str(error)) from None
    if not 0 < len(written) <= LONGEST:
        raise _refused(f"it has {len(written)} characters; write 1 to {LONGEST}")
    if channel is Channel.SMS:
        try:
            answer_sms(written, creditor, "X" * REFERENCE_LENGTH)
        except TemplateError as error:
            raise _refused(
                f"it is too long for an SMS ({error.detail}); shorten it, or use whatsapp"
            ) from None
    return written


def _refused(why: str) -> Refusal:
    return Refusal(f"the answer cannot be sent: {why}", code="invalid_text", field="text")
