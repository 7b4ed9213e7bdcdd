"""Candidates: the invoices that unmatched money may be meant for, ranked by reference, amount and name.

The database chooses a few by what an index or one pass over a column can find; only those are compared closely.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

from anyascii import anyascii
from pydantic import BaseModel, ConfigDict
from rapidfuzz import fuzz
from sqlalchemy import ColumnElement, Numeric, Select, case, cast, func, literal, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.creditor import Creditor
from cadence.words import rounded
from ledger.matching import named_by, runs_in
from ledger.movements import Movement
from ledger.references import Reference, references_of
from ledger.tables import customers, invoices

MOST = 10
# How many the database gives for each way in which they may agree.
_CHOSEN = 50
_FRAGMENTS = 5
_SHORTEST_FRAGMENT = 3
# Below these, likeness is chance.
_ALIKE = {"reference": 85, "name": 60}
WEIGHTS = {"reference": 50, "amount": 30, "name": 20}
# A balance within the creditor's tolerance, or one part in so many: banks on the way keep something for themselves.
_CHARGES = 100
_FORMS = {"ltda", "lda", "inc", "ltd", "llc", "eireli", "sarl", "sas", "unipessoal", "comercio", "cia"}
# Letters as PostgreSQL folds them without an extension; both lines have the same length.
_ACCENTED = "áàâãäåéèêëíìîïóòôõöúùûüçñýÿ"
_PLAIN = "aaaaaaeeeeiiiiooooouuuucnyy"


class Agreement(BaseModel):
    """In what a candidate agrees with the money, and how closely: 100 is fully. `what` is a code for people."""

    model_config = ConfigDict(frozen=True)

    by: Literal["reference", "amount", "name"]
    degree: int
    what: str


class Candidate(BaseModel):
    """An invoice that money may be meant for. `score` is 0 to 100; `why` is what it is made of."""

    model_config = ConfigDict(frozen=True)

    invoice: str
    customer: str
    customer_name: str
    state: str
    open: bool
    currency: str
    amount: Decimal
    balance: Decimal
    same_currency: bool
    score: int
    why: tuple[Agreement, ...]

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Less is better: open invoices first, then those in the money's currency, then by score."""
        return not self.open, not self.same_currency, -self.score


async def candidates(
    connection: AsyncConnection, creditor: Creditor, money: Movement
) -> tuple[Candidate, ...]:
    """The invoices that `money` may be meant for, the best first, ten at most."""
    ids = await _chosen(connection, creditor, money)
    rows = (await connection.execute(_lines().where(invoices.c.id.in_(ids)))).mappings().all()
    known = await references_of(connection, ids)
    compared = [_candidate(row, known.get(row["id"], []), creditor, money) for row in rows]
    agreeing = (each for each in compared if each.why)
    return tuple(sorted(agreeing, key=lambda each: (*each.rank, each.invoice))[:MOST])


def score_of(why: Iterable[Agreement]) -> int:
    """A hundred for agreement in everything; more agreement is never less."""
    return round(sum(WEIGHTS[each.by] * each.degree for each in why) / 100)


async def _chosen(connection: AsyncConnection, creditor: Creditor, money: Movement) -> list[int]:
    named = await named_by(connection, money.references)
    ways = [_by_amount(creditor, money), *_by_fragments(money.references), *_by_name(money)]
    chosen = union(*(select(way.subquery().c.id) for way in ways))
    return sorted(named | set((await connection.execute(chosen)).scalars()))


def _by_amount(creditor: Creditor, money: Movement) -> Select[tuple[int]]:
    tolerance = _tolerance(creditor, money)
    balance, still_open = invoices.c.balance, invoices.c.closed_at.is_(None)
    near = balance.between(money.amount - tolerance, money.amount + tolerance)
    wanted = select(invoices.c.id).where(still_open, invoices.c.currency == money.currency, near)
    return wanted.order_by(func.abs(balance - money.amount), invoices.c.due_on, invoices.c.id).limit(_CHOSEN)


def _tolerance(creditor: Creditor, money: Movement) -> Decimal:
    return max(creditor.close_below.get(money.currency, Decimal(0)), money.amount / _CHARGES)


def _by_fragments(references: Sequence[Reference]) -> list[Select[tuple[int]]]:
    """Invoices whose numbers begin or end as pieces of the references do, those with the most pieces first."""
    pieces = {piece for each in references for word in each.value.split() for piece in _pieces(word)}
    number = invoices.c.number
    hits = [
        number.istartswith(piece, autoescape=True) | number.iendswith(piece, autoescape=True)
        for piece in _longest(pieces)
    ]
    if not hits:
        return []
    wanted = select(invoices.c.id).where(or_(*hits))
    return [
        wanted.order_by(_most(hits), invoices.c.closed_at.is_not(None), invoices.c.id.desc()).limit(_CHOSEN)
    ]


def _pieces(word: str) -> list[str]:
    parts = [word.strip(".,;:!?()[]#"), *re.findall(r"\w+", word)]
    return [part for part in parts if len(part) >= _SHORTEST_FRAGMENT and re.search(r"\d", part)]


def _by_name(money: Movement) -> list[Select[tuple[int]]]:
    """Invoices of the customers of whose names the most words begin as the payer's do."""
    tokens = {each for each in folded(money.payer or "").split() if len(each) >= _SHORTEST_FRAGMENT}
    plain = literal(" ") + func.translate(func.lower(customers.c.name), _ACCENTED, _PLAIN)
    # Folded once for each customer, which takes longer than all the rest.
    whose = func.coalesce(customers.c.merged_into, customers.c.id).label("id")
    names = select(whose, plain.label("name")).cte("names").prefix_with("MATERIALIZED")
    hits = [names.c.name.contains(f" {token}", autoescape=True) for token in _longest(tokens - _FORMS)]
    if not hits:
        return []
    # Customers first: they are fewer, and narrower, than invoices.
    payers = select(names.c.id).where(or_(*hits)).order_by(_most(hits), names.c.id).limit(_CHOSEN)
    owned = select(invoices.c.id).where(invoices.c.customer_id.in_(payers))
    nearest = func.abs(invoices.c.balance - money.amount)
    return [owned.order_by(invoices.c.closed_at.is_not(None), nearest, invoices.c.id.desc()).limit(_CHOSEN)]


def _longest(words: set[str]) -> list[str]:
    """The words that tell the most."""
    return sorted(words, key=lambda word: (-len(word), word))[:_FRAGMENTS]


def _most(hits: Sequence[ColumnElement[bool]]) -> ColumnElement[int]:
    """Those first for which the most of these are true."""
    counted: ColumnElement[int] = sum((case((hit, 1), else_=0) for hit in hits), literal(0))
    return counted.desc()


def folded(name: str) -> str:
    """A name in small ASCII letters and digits, its words parted by one space."""
    return " ".join(re.findall(r"[a-z0-9]+", anyascii(name).lower()))


def _lines() -> Select[Any]:
    return select(
        *invoices.c[("id", "number", "state", "currency", "balance", "closed_at")],
        cast(invoices.c.facts["amount"].astext, Numeric).label("amount"),
        customers.c.key.label("customer"),
        customers.c.name.label("customer_name"),
    ).join_from(invoices, customers)


def _candidate(row: Any, known: Sequence[Reference], creditor: Creditor, money: Movement) -> Candidate:
    amounts = {name: rounded(row[name], row["currency"]) for name in ("amount", "balance")}
    why = tuple(
        found
        for found in (
            _by_likeness(row["number"], known, money.references),
            _by_money(row["currency"], **amounts, money=money, tolerance=_tolerance(creditor, money)),
            _by_payer(row["customer_name"], money.payer),
        )
        if found
    )
    return Candidate(
        invoice=row["number"],
        customer=row["customer"],
        customer_name=row["customer_name"],
        state=row["state"],
        open=row["closed_at"] is None,
        currency=row["currency"],
        same_currency=row["currency"] == money.currency,
        **amounts,
        score=score_of(why),
        why=why,
    )


def _by_likeness(number: str, known: Sequence[Reference], told: Sequence[Reference]) -> Agreement | None:
    """The closest of what was told to the invoice's number or to another of its references."""
    names = [("number", number), *((each.kind, each.value) for each in known)]
    forms = {_bare(form) for each in told for form in (each.value, *runs_in(each.value))} - {""}
    degrees = [(int(fuzz.ratio(_bare(name), form)), what) for what, name in names for form in forms]
    degree, what = max(degrees, default=(0, ""))
    return Agreement(by="reference", degree=degree, what=what) if degree >= _ALIKE["reference"] else None


def _bare(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", anyascii(text).upper())


def _by_money(
    currency: str, *, amount: Decimal, balance: Decimal, money: Movement, tolerance: Decimal
) -> Agreement | None:
    if currency != money.currency:
        return None
    if money.amount == balance:
        return Agreement(by="amount", degree=100, what="equals_balance")
    if money.amount == amount:
        return Agreement(by="amount", degree=90, what="equals_amount")
    if abs(money.amount - balance) <= tolerance:
        return Agreement(by="amount", degree=70, what="near_balance")
    return None


def _by_payer(name: str, payer: str | None) -> Agreement | None:
    degree = int(fuzz.token_sort_ratio(folded(name), folded(payer or ""))) if payer else 0
    return Agreement(by="name", degree=degree, what="payer") if degree >= _ALIKE["name"] else None
