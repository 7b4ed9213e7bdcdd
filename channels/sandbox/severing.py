"""Resetting a client's connection in the middle of a request, which no web framework offers."""

import asyncio
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

_Ends = tuple[tuple[str, int], tuple[str, int]]


class SeverableProtocol(H11Protocol):
    """uvicorn's HTTP, with its open connections findable by their two ends."""

    transports: ClassVar[dict[_Ends, asyncio.Transport]] = {}

    def _ends(self) -> _Ends | None:
        if self.client is None or self.server is None or self.server[1] is None:
            return None
        return self.client, (self.server[0], self.server[1])

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        ends = self._ends()
        if ends is not None:
            self.transports[ends] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        ends = self._ends()
        if ends is not None:
            self.transports.pop(ends, None)
        super().connection_lost(exc)


async def sever(request: Request) -> Response:
    """Reset the connection of `request`; the response it returns reaches nobody."""
    client, server = request.scope["client"], request.scope["server"]
    SeverableProtocol.transports[tuple(client), tuple(server)].abort()
    # The server must see the loss before it would write the response.
    await asyncio.sleep(0.01)
    return Response()
