"""Commands on segments: explain one, assign one by hand, take that back, and apply the rules to everybody."""

import json as json_text
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from cadence.problems import DocumentError
from cadence.reading import read_located
from cadence.segments import IMPORTED, Decision, Judged, Segments, lint_segments, segments_schema
from cadence.words import Slug
from ledger.access import Ledger
from ledger.migrating import Foreseen
from ledger.segmenting import Effect, Segmented
from starter.commands import options as o
from starter.commands.customers import Key
from starter.commands.documents import DEFAULT_CREDITOR, DEFAULT_FOLDER, CreditorFile, Folder
from starter.documents import read_text, segments_file
from starter.printing import as_json, console, counted, say, table, words
from starter.rulers import cadence_files, read_cadence
from starter.segmenting import apply_to, changes_of_all, clear_segment, explain_segment, set_segment
from starter.session import Refusal, wall_clock, with_ledger


class When(StrEnum):
    """From when on a change of segment counts."""

    NOW = "now"
    NEXT_INVOICE = "next-invoice"


Segment = Annotated[
    str, typer.Argument(help="A segment that a published cadence serves.", show_default=False)
]
FromWhen = Annotated[
    When,
    typer.Option("--effect", help="now moves the open invoices to its cadence; next-invoice leaves them."),
]
Why = Annotated[str, typer.Option("--reason", help="Why, as a code such as key-account.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
_SLUG: TypeAdapter[str] = TypeAdapter(Slug)
_SHOWN = 40


def explain(customer: Key, json: o.Json = False) -> None:
    """Say which segment a customer is in and why: each rule in its order, true or not, by which values."""
    found = with_ledger(lambda ledger: explain_segment(ledger, customer, wall_clock()))
    if json:
        as_json(found)
        return
    say(f"{customer} is in {found.segment}; {_by(found.decision)}")
    rows = [
        (each.number, each.segment, _verdict(each), each.when or "everybody else", _values(each))
        for each in found.decision.judged
    ]
    table("Rules", ("rule", "segment", "holds", "when", "because"), rows)


def assign(
    customer: Key, segment: Segment, reason: Why, effect: FromWhen = When.NEXT_INVOICE, note: o.Note = None,
    actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Assign a segment by hand, whatever the rules say, until it is cleared."""
    origin, code = o.read_origin(actor, note), o.read_code("--reason", reason)
    name = _read_segment(segment)
    new = with_ledger(
        lambda ledger: set_segment(ledger, customer, name, code, _effect(effect), origin, wall_clock())
    )
    say(f"{customer}: in {name} {_from(effect)}." if new else f"{customer}: in {name} by hand already.")


def clear(
    customer: Key, effect: FromWhen = When.NEXT_INVOICE, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """Let the rules decide again on a segment that was assigned by hand."""
    origin = o.read_origin(actor, note)
    segment = with_ledger(
        lambda ledger: clear_segment(ledger, customer, _effect(effect), origin, wall_clock())
    )
    say(f"{customer}: in {segment} {_from(effect)}, as the rules have it.")


def apply(
    effect: FromWhen = When.NEXT_INVOICE, dry_run: DryRun = False, note: o.Note = None, actor: o.Actor = o.ACTOR,
    json: o.Json = False,
) -> None:  # fmt: skip
    """Let the rules go over every customer: what changes for each, and then the change. Twice is the same as once."""
    origin, when = o.read_origin(actor, note), _effect(effect)

    async def work(ledger: Ledger) -> tuple[list[tuple[Segmented, list[Foreseen]]], int]:
        found = await changes_of_all(ledger, when, wall_clock, console())
        seen = [(judged, moves) for _, judged, moves in found]
        if not json:
            _print_changes(seen)
        ids = [] if dry_run else [customer_id for customer_id, _, _ in found]
        return seen, await apply_to(ledger, ids, when, origin, wall_clock, console())

    seen, done = with_ledger(work)
    if json:
        as_json({"customers": [_as_json(*each) for each in seen], "changed": done})
    elif seen:
        say("Nothing was changed." if dry_run else f"{counted(done, 'customer')} changed {_from(effect)}.")


def lint(
    file: Annotated[Path | None, typer.Argument(help="The rules; segments.yaml beside the creditor's document if left out.")] = None,
    creditor: CreditorFile = DEFAULT_CREDITOR, folder: Folder = DEFAULT_FOLDER, json: o.Json = False,
) -> None:  # fmt: skip
    """Say what is wrong with the rules of segments, and where; exit status 2 where something is."""
    path = file or segments_file(creditor)
    try:
        rules = _linted(path, folder)
    except DocumentError as wrong:
        if not json:
            raise
        as_json(wrong.problems)
        raise typer.Exit(2) from None
    if json:
        as_json([])
    else:
        say(f"{path}: fine, {counted(len(rules.rules), 'rule')}")


def _linted(path: Path, folder: Path) -> Segments:
    rules, source = read_located(Segments, read_text(path), str(path))
    cadences = [read_cadence(each)[0] for each in cadence_files(folder)]
    served = {segment: cadence.name for cadence in cadences for segment in cadence.segments}
    if problems := lint_segments(rules, served, source):
        raise DocumentError(problems)
    return rules


def schema(creditor: CreditorFile = DEFAULT_CREDITOR) -> None:
    """Write the JSON Schema by which an editor completes and checks the rules of segments."""
    target = creditor.parent / "segments.schema.json"
    target.write_text(json_text.dumps(segments_schema(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    say(f"{target} written")


def _read_segment(segment: str) -> str:
    try:
        return _SLUG.validate_python(segment)
    except ValidationError:
        raise Refusal(f"{segment!r} is no segment; write its name in small letters, such as smb") from None


def _effect(when: When) -> Effect:
    return "now" if when is When.NOW else "next_invoice"


def _from(when: When) -> str:
    return "from now on, open invoices too" if when is When.NOW else "from the next invoice on"


def _by(decision: Decision) -> str:
    assignment = decision.assignment
    if assignment is None:
        return f"no rules are written, so the file decides: {decision.segment}"
    if assignment.by == "manual":
        return f"assigned by hand ({words(assignment.reason or '')}), whatever the rules say"
    return f"rule {assignment.rule} decides: {decision.segment}"


def _verdict(judged: Judged) -> str:
    return "cannot be told" if judged.holds is None else "yes" if judged.holds else "no"


def _values(judged: Judged) -> str:
    return ", ".join(f"{name} is {value}" for name, value in judged.values.items())


def _as_json(judged: Segmented, moves: list[Foreseen]) -> dict[str, Any]:
    return {
        "customer": judged.customer, "was": judged.segment, "becomes": judged.decision.segment,
        "rule": judged.decision.assignment and judged.decision.assignment.rule, "invoices": moves,
    }  # fmt: skip


def _print_changes(seen: list[tuple[Segmented, list[Foreseen]]]) -> None:
    rows = [
        (judged.customer, judged.segment, judged.decision.segment, _rule_of(judged), counted(len(moves), "invoice"),
         counted(sum(len(each.differences) for each in moves), "step"))
        for judged, moves in seen
    ]  # fmt: skip
    title = f"{counted(len(rows), 'customer')} to come into another segment"
    table(title, ("customer", "was in", "comes into", "by", "moves", "changes"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        say(f"and {len(rows) - _SHOWN} more; --json lists them all")


def _rule_of(judged: Segmented) -> str:
    assignment = judged.decision.assignment
    return f"rule {assignment.rule}" if assignment else IMPORTED
