"""Matching: which invoice the references of a payment name, exactly; what is only alike is for a person to judge.

Each reference is tried as what it was told as, and then in this order: creditor reference (ISO 11649, its check digits
right, whatever its spaces and case), Pix txid, invoice number (as it stands, then as an import would have read it),
payment link (the reference of a message, which the link carries), a provider's id. The first that an invoice has
decides. Free text is searched for creditor references and invoice numbers as whole words. Closed invoices
count as well: money that comes late belongs there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from cadence.words import one_line
from ledger.references import CREDITOR, PIX, PROVIDER, Reference, as_creditor_reference

NUMBER, LINK, TEXT = "invoice", "link", "text"
_ORDER = (CREDITOR, PIX, NUMBER, LINK, PROVIDER)
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
""")


@dataclass(frozen=True, slots=True)
class Match:
    """The one invoice that was named, by our id; or none, and why (a code)."""

    invoice_id: int | None
    reason: str = ""


Spelling = tuple[str, str]
"""What is looked up: a kind of reference, and a value of it."""


async def match(connection: AsyncConnection, references: Sequence[Reference]) -> Match:
    """The invoice that references name: none is `no_reference` or `unknown_reference`, two are `ambiguous`.

    What a payer wrote freely is read only where nothing else names an invoice: it cannot undo an exact reference.
    """
    if not any(map(_tells, references)):
        return Match(None, "no_reference")
    told = [each for each in references if each.kind != TEXT]
    named = await named_by(connection, told) or await named_by(connection, references)
    if len(named) == 1:
        return Match(named.pop())
    return Match(None, "ambiguous" if named else "unknown_reference")


async def named_by(connection: AsyncConnection, references: Sequence[Reference]) -> set[int]:
    """Every invoice that references name, by our ids."""
    told = [each for each in references if _tells(each)]
    known = await _look_up(
        connection, [spelling for each in told for spelling in (*exact(each), *words(each))]
    )
    return {invoice_id for each in told for invoice_id in _named(each, known)}


def _tells(reference: Reference) -> bool:
    return reference.value.strip() not in ("", _NO_TXID)


def _named(reference: Reference, known: Mapping[Spelling, int]) -> set[int]:
    """The invoices that one reference names: the first of its spellings that does, or every word that does."""
    first = next((known[spelling] for spelling in exact(reference) if spelling in known), None)
    if first is not None:
        return {first}
    return {known[spelling] for spelling in words(reference) if spelling in known}


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
    """Which of the spellings are an invoice's, and our id of it."""
    kept = [each for each in spellings if each[0] in (CREDITOR, PIX, PROVIDER)]
    values = {
        "kinds": [kind for kind, _ in kept],
        "kept": [value for _, value in kept],
        "numbers": [value for kind, value in spellings if kind == NUMBER],
        "links": [value for kind, value in spellings if kind == LINK],
    }
    found = await connection.execute(_KNOWN, values)
    return {(kind, value): invoice_id for kind, value, invoice_id in found}
