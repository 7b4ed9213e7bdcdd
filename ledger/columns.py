"""The kinds of columns that the ledger's tables have."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def key() -> Any:
    """The table's own id."""
    return Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))


def instant(*, nullable: bool = False, **more: Any) -> Any:
    """An aware instant."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable, **more))


def json(*, nullable: bool = False) -> Any:
    """A JSON document."""
    return Field(default=None, sa_column=Column(JSONB, nullable=nullable))


def money() -> Any:
    """An exact amount; its currency is kept beside it."""
    return Field(sa_column=Column(Numeric(16, 4), nullable=False))


def belongs_to(table: str, *, nullable: bool = False) -> Any:
    """The id of a row of another table."""
    return Field(
        default=None, sa_column=Column(BigInteger, ForeignKey(f"{table}.id"), nullable=nullable, index=True)
    )
