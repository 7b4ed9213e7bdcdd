"""Tokens: who may call the service. What their holders keep is known here by its digest alone."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.database import LedgerError
from ledger.service_tables import tokens

PREFIX = "regua_"
NAME = r"^[a-z0-9][a-z0-9._-]{0,59}$"
MOST_DAYS = 730
# How exactly `last_used_at` is kept: a write a request would cost more than it tells.
NOTED_EVERY = timedelta(minutes=1)
_SHOWN = [column for column in tokens.c if column.name not in ("id", "digest")]


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as lists show it; `permissions` is what it is narrowed to, None for all that its role may do."""

    name: str
    role: str
    permissions: Sequence[str] | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None

    def good(self, now: datetime) -> bool:
        """Whether its holder may still call."""
        return self.revoked_at is None and now < self.expires_at


def digest_of(plain: str) -> str:
    """SHA-256 in hexadecimal. No salt and no stretching: a token is 32 random bytes, not a password."""
    return hashlib.sha256(plain.encode()).hexdigest()


async def create(
    engine: AsyncEngine,
    name: str,
    role: str,
    permissions: Sequence[str] | None,
    expires_at: datetime,
    actor: str,
    now: datetime,
) -> str:
    """Make a token and return it, this once: it cannot be read again.

    Raises LedgerError `name_taken` where a token had that name, also one that was revoked: the log names
    callers by it.
    """
    plain = PREFIX + secrets.token_urlsafe(32)
    row = {
        "name": name,
        "role": role,
        "permissions": None if permissions is None else sorted(permissions),
        "digest": digest_of(plain),
        "created_at": now,
        "created_by": actor,
        "expires_at": expires_at,
    }
    adding = upsert(tokens).values(row).on_conflict_do_nothing(index_elements=["name"]).returning(tokens.c.id)
    async with engine.begin() as connection:
        if (await connection.execute(adding)).first() is None:
            raise _taken(await _line(connection, name))
    return plain


async def list_tokens(engine: AsyncEngine) -> list[TokenLine]:
    """Every token there ever was, by name."""
    async with engine.connect() as connection:
        rows = await connection.execute(select(*_SHOWN).order_by(tokens.c.name))
        return [TokenLine(**row) for row in rows.mappings()]


async def find(engine: AsyncEngine, plain: str, now: datetime) -> TokenLine | None:
    """The token that somebody holds, noted as used now; None where it is unknown, expired or revoked."""
    async with engine.connect() as connection:
        # Found by an index over digests: how long that takes says nothing about a token.
        found = await connection.execute(select(*_SHOWN).where(tokens.c.digest == digest_of(plain)))
        row = found.mappings().one_or_none()
    line = None if row is None else TokenLine(**row)
    if line is None or not line.good(now):
        return None
    if line.last_used_at is None or now - line.last_used_at >= NOTED_EVERY:
        await _note_use(engine, line.name, now)
    return line


async def revoke(engine: AsyncEngine, name: str, actor: str, now: datetime) -> TokenLine:
    """Take the token's leave from the next request on; a revoked one stays as it is. LedgerError `unknown_token`."""
    ending = update(tokens).where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
    async with engine.begin() as connection:
        await connection.execute(ending.values(revoked_at=now, revoked_by=actor))
        return await _line(connection, name)


async def _note_use(engine: AsyncEngine, name: str, now: datetime) -> None:
    latest = func.greatest(func.coalesce(tokens.c.last_used_at, now), now)
    async with engine.begin() as connection:
        await connection.execute(update(tokens).where(tokens.c.name == name).values(last_used_at=latest))


async def _line(connection: AsyncConnection, name: str) -> TokenLine:
    row = (await connection.execute(select(*_SHOWN).where(tokens.c.name == name))).mappings().one_or_none()
    if row is None:
        raise LedgerError(
            "unknown_token", f"no token {name!r} is known; a list of tokens shows those that are"
        )
    return TokenLine(**row)


def _taken(known: TokenLine) -> LedgerError:
    if known.revoked_at is None:
        text = f"a token {known.name!r} exists already; revoke it, and give the new one another name"
    else:
        text = (
            f"the name {known.name!r} was a token's that was revoked on {known.revoked_at:%Y-%m-%d}, and stays its "
            f"own: the log names callers by it; choose another, such as {known.name}-2"
        )
    return LedgerError("name_taken", text)
