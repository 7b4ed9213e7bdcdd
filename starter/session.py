"""What every command works with: the ledger for as long as it runs, who acts, and what time it is."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.access import Ledger
from ledger.database import connect
from starter.settings import load_settings, open_ledger

T = TypeVar("T")


class Refusal(Exception):
    """What is not carried out; the text says what is wrong, where, and what to do. A command's exit status is 2.

    `code` is stable; `field` names the argument that is wrong, where one argument alone is. The text names no
    option of a command where the HTTP service says it as well.
    """

    def __init__(self, text: str, *, code: str = "refused", field: str | None = None) -> None:
        super().__init__(text)
        self.code, self.field = code, field


def with_ledger(work: Callable[[Ledger], Awaitable[T]]) -> T:
    """Do `work` with the ledger of the settings and the creditor's document."""

    async def session() -> T:
        ledger = open_ledger(load_settings())
        try:
            return await work(ledger)
        finally:
            await ledger.engine.dispose()

    return asyncio.run(session())


def with_engine(work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Do `work` that only reads or keeps the ledger, and so needs no creditor."""

    async def session() -> T:
        engine = connect(load_settings().database_url)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(session())


def wall_clock() -> datetime:
    """Now, as an aware instant in UTC: a command acts when it is typed."""
    return datetime.now(UTC)


def system_user() -> str:
    """The name under which the log keeps who typed a command, where nobody says another."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return "unknown"
