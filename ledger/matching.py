"""Matching: what the references of a payment name, exactly; what is only alike is for a person to judge.

Each reference is tried as what it was told as, and then in this order: creditor reference (ISO 11649, its check
digits right, whatever its spaces and case), Pix txid, invoice number (as it stands, then as an import would have read
it), payment link (the reference of a message, which the link carries), a provider's id, the creditor's key of a
customer. The first that an invoice or a customer has decides. Free text is searched for creditor references and
invoice numbers as whole words. Closed invoices count as well: money that comes late belongs there.

Several invoices of one customer, or a customer alone, are what a payment is shared out over (`ledger.allocating`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.words import one_line
from ledger.references import CREDITOR, PIX, PROVIDER, Reference, as_creditor_reference
from ledger.tables import invoices

NUMBER, LINK, CUSTOMER, TEXT = "invoice", "link", "customer", "text"
_ORDER = (CREDITOR, PIX, NUMBER, LINK, PROVIDER, CUSTOMER)
# What a Pix charge without a txid says (BCB, manual of the BR Code).
_NO_TXID = "***"
LONGEST_TEXT = 500
_MOST_WORDS = 60
_LONGEST_NUMBER = 30
_WORDS_IN_A_NUMBER = 4
# A shorter number, or a year, stands in too many texts to be taken for an invoice's.
_SHORTEST_NUMBER, _SHORTEST_DIGITS = 4, 5
_KNOWN = sql("""
    SELECT known.kind, known.value, known.invoice_id FROM invoice_reference AS known
    JOIN unnest(CAST(:kinds AS text[]), CAST(:kept AS text[])) AS asked(kind, value) USING (kind, value)
    UNION ALL SELECT 'invoice', number, id FROM invoice WHERE number = ANY(CAST(:numbers AS text[]))
    UNION ALL SELECT 'link', reference, invoice_id FROM message WHERE reference = ANY(CAST(:links AS text[]))
    UNION ALL SELECT 'customer', key, coalesce(merged_into, id) FROM customer
    WHERE key = ANY(CAST(:customers AS text[]))
""")


@dataclass(frozen=True, slots=True)
class Match:
    """The one invoice that was named, by our id; or none, and why (a code).

    Where it is several invoices of one customer, or the customer alone, `customer_id` is who it is, and `only` are the
    numbers of those that were named.
    """

    invoice_id: int | None
    reason: str = ""
    customer_id: int | None = None
    only: tuple[str, ...] | None = None


Spelling = tuple[str, str]
"""What is looked up: a kind of reference, and a value of it."""
Named = tuple[bool, int]
"""What a reference names: whether it is a customer, and else an invoice; and our id of it."""


async def match(connection: AsyncConnection, references: Sequence[Reference]) -> Match:
    """What references name: none is `no_reference` or `unknown_reference`, what cannot be one payment's `ambiguous`.

    What a payer wrote freely is read only where nothing else names anything: it cannot undo an exact reference. Of
    several invoices that are told by their numbers, one that is not known makes all of them unknown.
    """
    if not any(map(_tells, references)):
        return Match(None, "no_reference")
    told = [each for each in references if each.kind != TEXT]
    known = await _known_of(connection, references)
    named = _all_named(told, known) or _all_named(references, known)
    numbers = [_named(each, known) for each in told if each.kind == NUMBER]
    if not named or (len(numbers) > 1 and not all(numbers)):
        return Match(None, "unknown_reference")
    return await _of_one_payment(connection, named)


async def match_known(connection: AsyncConnection, invoice_ids: Iterable[int]) -> Match:
    """The same for invoices by our ids: those that an earlier payment went to."""
    return await _of_one_payment(connection, {(False, each) for each in invoice_ids})


async def _of_one_payment(connection: AsyncConnection, named: set[Named]) -> Match:
    ids = {each for is_customer, each in named if not is_customer}
    columns = invoices.c[("number", "customer_id")]
    rows = (await connection.execute(select(*columns).where(invoices.c.id.in_(ids)))).all()
    whose = {row.customer_id for row in rows} | {each for is_customer, each in named if is_customer}
    if len(whose) > 1:
        return Match(None, "ambiguous")
    if len(ids) == 1:
        return Match(ids.pop())
    return Match(None, "ambiguous", whose.pop(), tuple(sorted(row.number for row in rows)) or None)


async def named_by(connection: AsyncConnection, references: Sequence[Reference]) -> set[int]:
    """Every invoice that references name, by our ids."""
    named = _all_named(references, await _known_of(connection, references))
    return {each for is_customer, each in named if not is_customer}


async def _known_of(connection: AsyncConnection, references: Sequence[Reference]) -> dict[Spelling, int]:
    told = (each for each in references if _tells(each))
    return await _look_up(
        connection, [spelling for each in told for spelling in (*exact(each), *words(each))]
    )


def _all_named(references: Iterable[Reference], known: Mapping[Spelling, int]) -> set[Named]:
    return {named for each in references if _tells(each) for named in _named(each, known)}


def _tells(reference: Reference) -> bool:
    return reference.value.strip() not in ("", _NO_TXID)


def _named(reference: Reference, known: Mapping[Spelling, int]) -> set[Named]:
    """What one reference names: the first of its spellings that does, or every word that does."""
    first = next((spelling for spelling in exact(reference) if spelling in known), None)
    found = [first] if first else [spelling for spelling in words(reference) if spelling in known]
    return {(spelling[0] == CUSTOMER, known[spelling]) for spelling in found}


def exact(reference: Reference) -> list[Spelling]:
    """Every way to read a whole reference, the most certain first."""
    if reference.kind == TEXT:
        return [(NUMBER, normalised_number(reference.value))]
    kinds = sorted(_ORDER, key=lambda kind: (kind != reference.kind, _ORDER.index(kind)))
    return [(kind, value) for kind in kinds for value in _values(kind, reference.value)]


def words(reference: Reference) -> list[Spelling]:
    """What may be found in a reference that is free text, or that was told without its kind."""
    if reference.kind not in (TEXT, "reference"):
        return []
    text = reference.value[:LONGEST_TEXT]
    found = [(CREDITOR, each) for each in creditor_references_in(text)]
    return found + [(NUMBER, each) for each in numbers_in(text)]


def _values(kind: str, text: str) -> Iterator[str]:
    if kind == CREDITOR:
        found = as_creditor_reference(text)
        yield from [found] if found else []
    elif kind == NUMBER:
        yield text
        yield normalised_number(text)
    elif kind == LINK:
        yield text.strip().upper()
    elif kind == CUSTOMER:
        yield normalised_number(text)
    else:
        yield text.strip()


def normalised_number(text: str) -> str:
    """An invoice's number as an import would have read it; empty where no import would have."""
    try:
        return one_line(text)
    except ValueError:
        return ""


def creditor_references_in(text: str) -> list[str]:
    """The creditor references in a text, each made of whole words: `RF18 5390 0754 7034` is one."""
    words = re.findall(r"[A-Z0-9]+", text.upper())[:_MOST_WORDS]
    found = []
    for begin, word in enumerate(words):
        # 25 characters at most: RF, two check digits and 21 more.
        ends = range(begin + 1, min(begin + 25, len(words)) + 1) if word.startswith("RF") else ()
        joined = ("".join(words[begin:end]) for end in ends)
        found += [each for each in map(as_creditor_reference, joined) if each]
    return found


def numbers_in(text: str) -> list[str]:
    """Every run of whole words in a text that could be an invoice's number, with and without the marks around it."""
    spelled = (form for run in runs_in(text) for form in (run, run.strip(".,;:!?()[]<>\"'#*")))
    return list(dict.fromkeys(form for form in spelled if _is_telling(form)))


def runs_in(text: str) -> list[str]:
    """Every run of up to four whole words of a text."""
    words = normalised_number(text).split()[:_MOST_WORDS]
    return [
        " ".join(words[begin:end])
        for begin in range(len(words))
        for end in range(begin + 1, min(begin + _WORDS_IN_A_NUMBER, len(words)) + 1)
    ]


def _is_telling(number: str) -> bool:
    if not any(letter.isdigit() for letter in number):
        return False
    shortest = _SHORTEST_DIGITS if number.isdigit() else _SHORTEST_NUMBER
    return shortest <= len(number) <= _LONGEST_NUMBER


async def _look_up(connection: AsyncConnection, spellings: Sequence[Spelling]) -> dict[Spelling, int]:
    """Which of the spellings are an invoice's or a customer's, and our id of it."""
    kept = [each for each in spellings if each[0] in (CREDITOR, PIX, PROVIDER)]
    values = {
        "kinds": [kind for kind, _ in kept],
        "kept": [value for _, value in kept],
        "numbers": [value for kind, value in spellings if kind == NUMBER],
        "links": [value for kind, value in spellings if kind == LINK],
        "customers": [value for kind, value in spellings if kind == CUSTOMER],
    }
    found = await connection.execute(_KNOWN, values)
    return {(kind, value): named for kind, value, named in found}
