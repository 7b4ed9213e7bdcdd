"""Judges a cadence that was read without fault: would every step do, for some customer, what it says?"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Protocol

import holidays

from cadence.account import SEVERAL
from cadence.creditor import Creditor
from cadence.document import BusinessCalendar, Cadence, Roll
from cadence.offsets import Anchor
from cadence.problems import Level, Path, Problem, Source
from cadence.sends import Send
from cadence.spread import Spread, closed_at_once, spreads
from cadence.trial import Situation, objection
from cadence.words import Channel

Finding = tuple[Path, str]
REMINDER, NOTICE = "reminder", "notice"
WEEKEND = {"sat", "sun"}


class TemplateCatalog(Protocol):
    """What lint asks about templates; `provided` are the variables that every message is rendered with."""

    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def provided(self) -> frozenset[str]: ...
    def kind(self, template: str) -> str: ...
    def channels_of(self, template: str, language: str) -> tuple[str, ...]: ...
    def variables_of(self, template: str, channel: str, language: str) -> frozenset[str]: ...


def lint(
    cadence: Cadence, templates: TemplateCatalog, creditor: Creditor | None, source: Source | None = None
) -> list[Problem]:
    """Find what cannot work: errors that stop publishing, and warnings where a channel would stay silent.

    `source` (from `read_located`) gives file and lines. Without a creditor WhatsApp's set-up is not judged.
    """
    source = source or Source(f"cadence {cadence.name}")
    errors = [
        *_place(cadence),
        *_window(cadence),
        *_order(cadence),
        *_after_the_end(cadence),
        *_conditions(cadence),
        *_partial_notice(cadence),
        *(finding for use in _messages(cadence) for finding in _message(*use, templates)),
    ]
    warnings = _whatsapp(cadence, templates, creditor) if creditor else ()
    problems = [source.problem(path, message) for path, message in errors]
    problems += [source.problem(path, message, Level.WARNING) for path, message in warnings]
    return sorted(problems, key=lambda problem: problem.line)


def lint_set(cadences: Iterable[tuple[Cadence, Source]]) -> list[Problem]:
    """Find names and segments that two cadences claim: each customer's segment has one ruler."""
    owners: dict[tuple[str, str], str] = {}
    problems = []
    for cadence, source in cadences:
        claims: list[tuple[Path, str, str]] = [(("name",), "name", cadence.name)]
        claims += [(("segments", i), "segment", segment) for i, segment in enumerate(cadence.segments)]
        for path, what, value in claims:
            owner = owners.setdefault((what, value), source.file)
            if owner != source.file:
                message = f"{what} {value} is claimed by {owner} already; one cadence serves it, so drop it from one"
                problems.append(source.problem(path, message))
    return problems


def _messages(cadence: Cadence) -> Iterator[tuple[Path, Send, str]]:
    """Every message of the document: where it is written, what it sends, and the kind it must be."""
    for index, step in enumerate(cadence.steps):
        if step.send:
            yield ("steps", index, "send"), step.send, REMINDER
    on = cadence.branches
    written = [
        ("dispute", "notice", on.dispute.notice, NOTICE),
        ("dispute", "partial_notice", on.dispute.partial_notice, NOTICE),
        ("dispute", "resolved_notice", on.dispute.resolved_notice, NOTICE),
        ("dispute", "upheld_notice", on.dispute.upheld_notice, NOTICE),
        ("promise", "notice", on.promise.notice, NOTICE),
        ("broken_promise", "reminder", on.broken_promise.reminder, REMINDER),
        ("payment", "notice", on.payment.notice, NOTICE),
        ("plan", "notice", on.plan.notice, NOTICE),
    ]
    for branch, key, send, kind in written:
        if send:
            yield ("branches", branch, key), send, kind
    for index, reminder in enumerate(on.plan.reminders):
        yield ("branches", "plan", "reminders", index, "send"), reminder.send, REMINDER
    if on.plan.missed.reminder:
        yield ("branches", "plan", "missed", "reminder"), on.plan.missed.reminder, REMINDER


def _message(path: Path, send: Send, wanted: str, templates: TemplateCatalog) -> Iterator[Finding]:
    at = (*path, "template")
    if send.template not in templates.names:
        close = get_close_matches(send.template, templates.names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(templates.names)}"
        yield at, f"there is no template {send.template!r}; {hint}"
        return
    kind = templates.kind(send.template)
    if kind != wanted:
        yield at, f"{send.template!r} is a {kind}, and this is the place of a {wanted}; choose a {wanted}"
    yield from _texts(path, send, templates)


def _texts(path: Path, send: Send, templates: TemplateCatalog) -> Iterator[Finding]:
    channels = {language: templates.channels_of(send.template, language) for language in templates.languages}
    if absent := [language for language, found in channels.items() if not found]:
        yield (
            (*path, "template"),
            f"{send.template!r} does not exist in {', '.join(absent)}; write it there as well",
        )
    for index, channel in enumerate(send.channels):
        at = (*path, "channels", index)
        without = [language for language, found in channels.items() if found and channel not in found]
        if without:
            yield at, f"{send.template!r} has no text for {channel} in {', '.join(without)}"
        for language, found in channels.items():
            needed = (
                templates.variables_of(send.template, channel, language) if channel in found else frozenset()
            )
            if unknown := sorted(needed - templates.provided):
                yield (
                    at,
                    f"{language}/{send.template}.{channel} uses {', '.join(unknown)}, which nobody provides",
                )


def _place(cadence: Cadence) -> Iterator[Finding]:
    country, subdivision = cadence.calendar.country, cadence.calendar.subdivision
    at = ("calendar", "subdivision")
    if country == "customer":
        if subdivision:
            yield at, "a subdivision needs its country; write both, or neither for where each customer is"
        return
    known = holidays.list_supported_countries()
    if country not in known:
        yield (
            ("calendar", "country"),
            f"no holidays are known for {country!r}; write an ISO 3166 code, or 'customer'",
        )
    elif subdivision and subdivision not in known[country]:
        yield (
            at,
            f"no holidays are known for {subdivision!r} in {country}; it has {', '.join(known[country])}",
        )


def _window(cadence: Cadence) -> Iterator[Finding]:
    if set(cadence.window.days) <= WEEKEND:
        yield (
            ("window", "days"),
            "the window opens on weekends only, and those are no business days: nothing is ever sent",
        )


def _order(cadence: Cadence) -> Iterator[Finding]:
    found = spreads(cadence.steps)
    for index, step in enumerate(cadence.steps):
        for before in range(index):
            if _comes_before(cadence, found, index, before):
                earlier = cadence.steps[before]
                message = f"'{step.at}' lies before '{earlier.at}' of {earlier.id!r}; write the steps in their order"
                yield ("steps", index, "at"), message
                break


def _comes_before(cadence: Cadence, found: list[Spread], index: int, before: int) -> bool:
    here, there = cadence.steps[index].at, cadence.steps[before].at
    if here.anchor is Anchor.PREVIOUS:  # it follows its own predecessor, whatever that one's fault
        return False
    if here.anchor is there.anchor and here.business is there.business:
        return here.count < there.count
    return found[index].surely_before(found[before])


def _after_the_end(cadence: Cadence) -> Iterator[Finding]:
    end = None
    for index, step in enumerate(cadence.steps):
        if end:
            yield (
                ("steps", index),
                f"{step.id!r} never comes: {end!r} closes every invoice before it; give that one a 'when'",
            )
        elif (step.hand_over or step.write_off) and step.when is None:
            end = step.id


def _conditions(cadence: Cadence) -> Iterator[Finding]:
    for index, (step, spread) in enumerate(zip(cadence.steps, spreads(cadence.steps), strict=True)):
        if step.when is None:
            continue
        situation = Situation(cadence.segments, step.stage, _overdue(spread, cadence.calendar))
        if reason := objection(step.when, situation):
            yield ("steps", index, "when"), reason


def _partial_notice(cadence: Cadence) -> Iterator[Finding]:
    dispute = cadence.branches.dispute
    if dispute.partial_notice and dispute.undisputed == "wait":
        yield (
            ("branches", "dispute", "partial_notice"),
            "it is never sent: all reminders wait during a dispute; write 'undisputed: collect', or leave it out",
        )


def _overdue(spread: Spread, calendar: BusinessCalendar) -> tuple[int | None, int | None]:
    """Days overdue when a step comes, moved to a business day; after the due date without a most: some arrive late."""
    if spread.base is Anchor.ISSUED:
        return None, None
    moved = closed_at_once(calendar.country, calendar.subdivision)
    least = spread.earliest - (moved if calendar.roll is Roll.BACKWARD else 0)
    return least, spread.latest + moved if spread.latest < 0 else None


def _whatsapp(cadence: Cadence, templates: TemplateCatalog, creditor: Creditor) -> Iterator[Finding]:
    for path, send, _ in _messages(cadence):
        if Channel.WHATSAPP not in send.channels:
            continue
        at = (*path, "channels", send.channels.index(Channel.WHATSAPP))
        if not creditor.uses_whatsapp or creditor.whatsapp is None:
            yield (
                at,
                "WhatsApp is off until the creditor attests first-party use (whatsapp.attestation): it is passed over",
            )
            continue
        if cadence.group_by and not creditor.whatsapp.content.get(SEVERAL):
            yield (
                at,
                f"the creditor has no approved content for {SEVERAL!r}: by WhatsApp each invoice goes alone",
            )
        approved = creditor.whatsapp.content.get(send.template, {})
        if missing := [language for language in templates.languages if language not in approved]:
            yield (
                at,
                f"the creditor has no approved content for {send.template!r} in {', '.join(missing)}: it is passed over",
            )
