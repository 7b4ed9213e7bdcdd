"""The command that answers why, and why not."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cadence.why import Because
from ledger.access import Ledger
from ledger.explaining import why as explained
from ledger.recording import situation
from starter.commands import options as o
from starter.printing import as_json, local, say, table
from starter.session import Refusal, wall_clock, with_ledger
from starter.storytelling import step_of

WIDTH = 120
Step = Annotated[str | None, typer.Option("--step", help="One step alone, by its id.")]


def why(invoice: o.Invoice, step: Step = None, json: o.Json = False) -> None:
    """Say of every step, past and to come, what becomes of it, and by which rule of which document or pack."""

    async def ask(ledger: Ledger) -> tuple[list[Because], ZoneInfo]:
        now = wall_clock()
        told = await explained(ledger, invoice, now)
        return told, (await situation(ledger, await ledger.invoice_id(invoice), now)).zone

    found, zone = with_ledger(ask)
    steps = [each for each in found if step in (None, each.step)]
    if not steps:
        known = ", ".join(dict.fromkeys(each.step for each in found))
        raise Refusal(f"--step: {invoice} has no step {step!r}; it has {known}")
    if json:
        as_json(steps)
        return
    say(f"all times are the customer's, {zone}")
    rows = [
        (
            step_of(each.step, each.occurrence),
            each.verdict,
            local(each.at, zone),
            each.channel,
            _said(each, zone),
        )
        for each in steps
    ]
    table(f"Why, for {invoice}", ("step", "what", "when", "channel", "because"), rows, pipe_width=WIDTH)


def _said(because: Because, zone: ZoneInfo) -> str:
    """The rule's words, a contact rule with its name and where it comes from; and the cap that will defer a message."""
    said = f"{because.words} ({because.rule}; {because.source})" if because.source else because.words
    cap = because.cap_foreseen
    if cap is None:
        return said
    return f"{said}; a cap will defer it to {local(cap.until, zone)}: {cap.words} ({cap.rule}; {cap.source})"
