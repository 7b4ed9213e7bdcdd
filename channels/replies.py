"""What a person who writes back means, by phrases in five languages: the same text always reads the same."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from channels.outcome import Intent

# What stops reminders for longest is looked for first; a text that says several things is read as that.
_IN_CLAUSES = (Intent.stop_unsure, Intent.wrong, Intent.paid, Intent.help)
# WhatsApp takes 4,096 characters and SMS 1,600; whatever else may come is not worth anybody's time.
_LONGEST = 5_000
_CLAUSE_ENDS = re.compile(r"[.,;:!?…\n\r]+|\b(?:but|pero|porém)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text means, and why: the language and the phrase of intents.yaml that said so."""

    intent: Intent
    language: str | None = None
    phrase: str | None = None


class _Phrases(BaseModel):
    """How one intent is said in one language; intents.yaml says what each list means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    unless_before: frozenset[str] = frozenset()
    unless: tuple[str, ...] = ()


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    courtesies: tuple[str, ...]
    stop: Mapping[str, _Phrases]
    stop_unsure: Mapping[str, _Phrases]
    start: Mapping[str, _Phrases]
    wrong: Mapping[str, _Phrases]
    paid: Mapping[str, _Phrases]
    help: Mapping[str, _Phrases]

    def of(self, intent: Intent) -> Mapping[str, _Phrases]:
        """How an intent is said, by language."""
        said: Mapping[str, _Phrases] = getattr(self, intent)
        return said


@cache
def _table() -> _Table:
    return _Table.model_validate(
        yaml.load(Path(__file__).with_name("intents.yaml").read_text("utf-8"), yaml.CSafeLoader)
    )


def read_intent(text: str) -> Reading:
    """What `text` means. `stop` and `start` only where nothing else is said: such a word in a sentence is for a person.

    A denied claim ("I have not paid") and a promise ("I will pay") are no claim: they are `other`.
    """
    text = text[:_LONGEST]
    clauses = dict.fromkeys(_bare(clause) for clause in _CLAUSE_ENDS.split(text))
    whole = _without_courtesies(_bare(text))
    if alone := _is_all(Intent.stop, whole) or _is_all(Intent.start, whole):
        return alone
    return next(_readings(whole, [clause for clause in clauses if clause]), Reading(Intent.other))


def _readings(whole: str, clauses: Sequence[str]) -> Iterator[Reading]:
    for intent in _IN_CLAUSES:
        if intent is Intent.stop_unsure:
            yield from _stops_among_other_words(clauses)
        if said := _is_all(intent, whole):
            yield said
        for language, phrases in _table().of(intent).items():
            for clause in clauses:
                yield from (Reading(intent, language, said) for said in _said(phrases, clause))


def _stops_among_other_words(clauses: Sequence[str]) -> Iterator[Reading]:
    for clause in clauses:
        if stop := _is_all(Intent.stop, _without_courtesies(clause)):
            yield Reading(Intent.stop_unsure, stop.language, stop.phrase)


def _is_all(intent: Intent, whole: str) -> Reading | None:
    """Whether the whole text is one of the intent's phrases, or nothing but its words."""
    words = whole.split()
    for language, phrases in _table().of(intent).items():
        if whole in phrases.phrases or (words and set(words) <= set(phrases.words)):
            return Reading(intent, language, whole)
    return None


def _said(phrases: _Phrases, clause: str) -> Iterator[str]:
    """Each phrase that stands in the clause and is not denied there."""
    padded = f" {clause} "
    if any(f" {denied} " in padded for denied in phrases.unless):
        return
    for phrase in phrases.says:
        before, found, _ = padded.partition(f" {phrase} ")
        if found and not phrases.unless_before & set(before.split()):
            yield phrase


@cache
def _courtesy() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(_table().courtesies)})\b")


def _without_courtesies(bare: str) -> str:
    return " ".join(_courtesy().sub(" ", bare).split())


def _bare(text: str) -> str:
    """The words alone, small and without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", " ", plain).strip()
