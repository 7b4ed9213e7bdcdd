"""What an ERP feeds: customers, contacts and invoices by their own ids, one by one or many at once."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import searching
from ledger.customer_intake import ContactIntake, CustomerIntake
from ledger.intake import Intake, InvoiceTerms, Received, receive
from starter.api.errors import fields_of
from starter.api.etags import require_match
from starter.api.identity import may
from starter.api.problems import ApiProblem, FieldProblem
from starter.api.resources.words import ContactKey, CustomerKey, Number, creditors_today
from starter.api.roles import Permission
from starter.api.service import Caller, Service, service
from starter.feed import FEED_LINE, ContactTold, CustomerTold, InvoiceTold, intake_of

router = APIRouter(tags=["feeding"])
Feeder = Annotated[Caller, Depends(may(Permission.FEED))]

MOST_LINES = 10_000
# One transaction: large enough to be quick, small enough that nobody waits for its customers' locks.
BATCH = 100


class Fed(BaseModel):
    """What became of what was fed: `same` where nothing differs from what is known."""

    id: str
    outcome: Literal["new", "changed", "same"]


class FedLine(BaseModel):
    """What became of one line, counted from 1; `reason` and `errors` say why it was rejected."""

    line: int
    id: str | None
    outcome: Literal["new", "changed", "same", "rejected"]
    reason: str = ""
    errors: list[FieldProblem] = []


class Feeding:
    """What a request that feeds works with."""

    def __init__(self, request: Request, response: Response) -> None:
        self.request, self.response = request, response
        self.held: Service = service(request)

    @property
    def today(self) -> date:
        """The date in the creditor's zone."""
        return creditors_today(self.held)

    async def take_in(self, row: Intake, caller: Caller) -> Fed:
        """Take in one row; raise ApiProblem 422 where the ledger rejects it, 412 where If-Match does not hold."""
        expect = (
            (lambda connection: self._expect(connection, row)) if "If-Match" in self.request.headers else None
        )
        received = (await receive(self.held.ledger, [row], self.held.clock(), caller.origin(), expect))[0]
        if received.outcome == "rejected":
            raise ApiProblem(422, "not_taken_in", received.reason)
        self.response.status_code = 201 if received.outcome == "new" else 200
        return Fed(id=received.number, outcome=received.outcome)

    async def _expect(self, connection: AsyncConnection, row: Intake) -> None:
        """What a caller has read is the customer's view, or the invoice's status."""
        if isinstance(row, InvoiceTerms):
            require_match(self.request, await searching.status_of(connection, row.number))
        else:
            require_match(
                self.request,
                await searching.customer_view(connection, row.customer, self.held.ledger.creditor.zone),
            )


Feed = Annotated[Feeding, Depends()]


@router.put("/v1/customers/{key:path}/contacts/{contact}", responses={201: {"model": Fed}})
async def put_contact(
    feed: Feed, key: CustomerKey, contact: ContactKey, told: ContactTold, caller: Feeder
) -> Fed:
    """Tell a contact of a customer; the addresses of the one with the role `billing` are whom Régua writes to."""
    row: ContactIntake = told.intake(key, contact)
    return await feed.take_in(row, caller)


@router.put("/v1/customers/{key:path}", responses={201: {"model": Fed}})
async def put_customer(feed: Feed, key: CustomerKey, told: CustomerTold, caller: Feeder) -> Fed:
    """Tell a customer: new, changed, or the same as is known. A change holds for all open invoices at once."""
    row: CustomerIntake = told.intake(key)
    return await feed.take_in(row, caller)


@router.put("/v1/invoices/{number:path}", responses={201: {"model": Fed}})
async def put_invoice(feed: Feed, number: Number, told: InvoiceTold, caller: Feeder) -> Fed:
    """Tell an invoice: new, or changed in its amount or due date; the customer must be known."""
    return await feed.take_in(told.intake(number, feed.today), caller)


_NDJSON = "application/x-ndjson"
_LINES = {"type": "string", "description": "One JSON object a line."}
_EXAMPLE = (
    '{"type": "customer", "key": "C-77", "name": "Oficina Inventada", "segment": "standard", "country": "PT"}\n'
    '{"type": "invoice", "number": "2026/0077", "customer": "C-77", "amount": "99.90", "currency": "EUR", '
    '"issued_on": "2026-11-02", "due_on": "2026-12-02"}\n'
)


@router.post(
    "/v1/feed",
    response_class=StreamingResponse,
    responses={200: {"description": "A line for each line, in its order.", "content": {_NDJSON: {}}}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {_NDJSON: {"schema": _LINES, "example": _EXAMPLE}},
        }
    },
)
async def feed_many(feed: Feed, caller: Feeder) -> StreamingResponse:
    """Tell up to 10,000 customers, contacts and invoices, a JSON object a line with its `type`; answered line by line.

    Lines are taken in by the hundred, in their order. One that is rejected stops no other, and telling the same again
    changes nothing: after a lost connection, send everything again.
    """
    lines = lines_of(await feed.request.body())
    if lines is None:
        raise ApiProblem(
            413, "too_many_lines", f"these are more than {MOST_LINES} lines; send them in several requests"
        )
    return StreamingResponse(_fed(feed, lines, caller), media_type=_NDJSON)


def lines_of(body: bytes) -> Sequence[bytes] | None:
    """The lines of a feed; None where they are too many, which is counted first: an empty line takes memory too."""
    breaks = body.count(b"\n") + body.count(b"\r")  # a line may end in both
    lines = body.splitlines() if breaks <= 2 * MOST_LINES else None
    return None if lines is None or len(lines) > MOST_LINES else lines


async def _fed(feed: Feeding, lines: Sequence[bytes], caller: Caller) -> AsyncIterator[str]:
    """Take in batch after batch, and say of each line what became of it."""
    for start in range(0, len(lines), BATCH):
        read = [
            _read(start + offset + 1, line, feed.today)
            for offset, line in enumerate(lines[start : start + BATCH])
        ]
        rows = [row for row in read if not isinstance(row, FedLine)]
        received = iter(await receive(feed.held.ledger, rows, feed.held.clock(), caller.origin()))
        for offset, row in enumerate(read):
            told = row if isinstance(row, FedLine) else _told(start + offset + 1, next(received))
            yield told.model_dump_json() + "\n"


def _read(number: int, line: bytes, today: date) -> Intake | FedLine:
    try:
        return intake_of(FEED_LINE.validate_python(_object(line)), today)
    except ValidationError as error:
        reason = "these fields are wrong; see errors"
        return FedLine(
            line=number, id=None, outcome="rejected", reason=reason, errors=list(fields_of(error.errors()))
        )
    except (ValueError, RecursionError):
        return FedLine(line=number, id=None, outcome="rejected", reason="the line is no JSON object")


def _object(line: bytes) -> dict[str, Any]:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError  # noqa: TRY004 - as for what is no JSON at all
    return found


def _told(number: int, received: Received) -> FedLine:
    return FedLine(line=number, id=received.number, outcome=received.outcome, reason=received.reason)
