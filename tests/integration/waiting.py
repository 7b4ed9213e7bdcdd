"""Waiting in tests for what another process or server does in its own time."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(true: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    """Return once `true()` is; TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110 - there is no event: it happens elsewhere
            await asyncio.sleep(0.05)
