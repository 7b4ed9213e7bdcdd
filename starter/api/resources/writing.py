"""Writing to the invoice in the path: who may, what is answered, and the caller's If-Match."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import queries, searching
from ledger.charging import Claim
from ledger.unit import Held, Origin, Unit
from ledger.views import InvoiceStatus
from starter.api.etags import etag_of, require_match
from starter.api.problems import ApiProblem
from starter.api.resources.words import (
    Number,
)
from starter.api.service import service
from starter.charging import charge
from starter.standing import Expect, Report, Standing, Told, act_on, report

# A number may hold slashes, written as %2F.
INVOICE = "/v1/invoices/{number:path}"


class StatusAnswer(InvoiceStatus):
    """How an invoice stands after a write; `recorded` is false where it was told before under that id."""

    recorded: bool


class Writing:
    """What a write to the invoice in the path needs: the ledger, the clock, and the caller's If-Match."""

    def __init__(self, request: Request, response: Response, number: Number) -> None:
        self.request, self.response, self.number = request, response, number
        self.ledger, self.clock = service(request).ledger, service(request).clock

    async def tell(
        self, origin: Origin, judge: Callable[[Standing, datetime], Report], amount: Decimal | None = None
    ) -> StatusAnswer:
        """Record what `judge` makes of the invoice, and answer with how it stands then."""
        return self._answer(
            await report(
                self.ledger, self.number, origin, judge, self.clock(), amount=amount, expect=self._expect()
            )
        )

    async def act(self, act: Callable[[Unit, Held], Awaitable[bool]]) -> StatusAnswer:
        """Do to the invoice what takes more than one event, and answer with how it stands then."""
        return self._answer(await act_on(self.ledger, self.number, act, self.clock(), self._expect()))

    async def charge(self, policies_dir: Path, claim: Claim, origin: Origin) -> StatusAnswer:
        """Claim late charges from the invoice, and answer with how it stands then."""
        return self._answer(
            await charge(self.ledger, policies_dir, self.number, claim, origin, self.clock(), self._expect())
        )

    def _answer(self, told: Told) -> StatusAnswer:
        self.response.headers["ETag"] = etag_of(told.status)
        return StatusAnswer(**told.status.model_dump(), recorded=told.recorded)

    def _expect(self) -> Expect | None:
        return self._as_the_caller_saw_it if "If-Match" in self.request.headers else None

    async def _as_the_caller_saw_it(self, connection: AsyncConnection) -> None:
        """The tag is that of the status, or that of the story: whichever the caller reads."""
        try:
            require_match(self.request, await searching.status_of(connection, self.number))
        except ApiProblem:
            story = await queries.story_of(connection, self.number, self.ledger.book)
            require_match(self.request, story)


Write = Annotated[Writing, Depends()]
