"""Commands for tokens: who may call the HTTP service."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from ledger import tokens
from ledger.tokens import TokenLine
from starter.api.roles import Permission, Role, check_narrowing
from starter.commands import options as o
from starter.printing import as_json, counted, say, table
from starter.session import Refusal, wall_clock, with_engine

Name = Annotated[str, typer.Argument(help="What the event log calls its holder.", show_default=False)]


def create(
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="Who its holder is.", show_default=False)],
    days: Annotated[
        int, typer.Option("--days", min=1, max=tokens.MOST_DAYS, help="For how many days it is good.")
    ] = 90,
    only: Annotated[
        list[Permission] | None, typer.Option("--only", help="Leave out all else; may be repeated.")
    ] = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Make a token, and print it this once."""
    if not re.fullmatch(tokens.NAME, name):
        raise Refusal(
            f"{name!r} is no name of a token; write small letters, digits, . _ and -, such as erp-2026"
        )
    check_narrowing(role, only)
    who, now = o.read_line("--actor", actor), wall_clock()
    until = now + timedelta(days=days)
    plain = with_engine(lambda engine: tokens.create(engine, name, role, only or None, until, who, now))
    say(plain)
    typer.echo(
        f"The token {name} ({role}) is good until {until:%Y-%m-%d}. Keep it now: it is shown this once.",
        err=True,
    )


def list_tokens(json: o.Json = False) -> None:
    """List every token there ever was; none can be read again."""
    found = with_engine(tokens.list_tokens)
    if json:
        as_json(found)
        return
    headings = ("name", "role", "only", "made (UTC)", "by", "last used (UTC)", "is")
    table(counted(len(found), "token"), headings, map(_row, found))


def revoke(name: Name, actor: o.Actor = o.ACTOR) -> None:
    """Revoke a token: its next request is refused."""
    who = o.read_line("--actor", actor)
    line = with_engine(lambda engine: tokens.revoke(engine, name, who, wall_clock()))
    say(f"the token {name} is revoked, since {line.revoked_at:%Y-%m-%d %H:%M} UTC")


def _row(line: TokenLine) -> tuple[object, ...]:
    used = line.last_used_at
    return (
        line.name, line.role, ", ".join(line.permissions or ()), f"{line.created_at:%Y-%m-%d}", line.created_by,
        f"{used:%Y-%m-%d %H:%M}" if used else "never", _standing(line),
    )  # fmt: skip


def _standing(line: TokenLine) -> str:
    if line.revoked_at is not None:
        return f"revoked {line.revoked_at:%Y-%m-%d} by {line.revoked_by}"
    word = "good until" if line.good(wall_clock()) else "expired"
    return f"{word} {line.expires_at:%Y-%m-%d}"
