"""Commands for money that no invoice was found for."""

from typing import Annotated

import typer

from ledger import settling
from ledger import unmatched as queue
from ledger.candidates import Agreement, Candidate
from ledger.unmatched import UnmatchedLine, UnmatchedSeen
from starter.commands import options as o
from starter.printing import as_json, counted, money, say, table, words
from starter.session import Refusal, wall_clock, with_engine, with_ledger

Id = Annotated[int, typer.Argument(min=1, max=2**62, help="Its number in the queue.", show_default=False)]


def unmatched(
    context: typer.Context,
    status: Annotated[
        str | None, typer.Option("--status", help="open, claimed, settled or dismissed.")
    ] = None,
    json: o.Json = False,
) -> None:
    """List the money that waits, the oldest first; or work on one of it."""
    if context.invoked_subcommand is not None:
        return
    found = with_engine(lambda engine: queue.list_unmatched(engine, status=status))
    if json:
        as_json(found)
        return
    headings = ("id", "what", "amount", "paid (UTC)", "payer", "references", "why", "status", "by")
    table(f"unmatched money: {len(found)}", headings, map(_row, found))


def show(unmatched_id: Id, json: o.Json = False) -> None:
    """Show one, and the invoices it may be meant for, the best first."""
    seen = with_ledger(lambda ledger: queue.show_unmatched(ledger, unmatched_id))
    as_json(seen) if json else _print_seen(seen)


def claim(unmatched_id: Id, actor: o.Actor = o.ACTOR) -> None:
    """Take one: nobody else can settle it then."""
    who = o.read_line("--actor", actor)
    with_engine(lambda engine: settling.claim(engine, unmatched_id, who))
    say(f"unmatched {unmatched_id} is claimed by {who}")


def release(unmatched_id: Id, actor: o.Actor = o.ACTOR) -> None:
    """Give one back to the queue, whoever has it."""
    who = o.read_line("--actor", actor)
    with_engine(lambda engine: settling.release(engine, unmatched_id, who, of_anybody=True))
    say(f"unmatched {unmatched_id} is open again")


def settle(
    unmatched_id: Id,
    invoice: Annotated[
        str | None, typer.Argument(help="The creditor's own number of the invoice.", show_default=False)
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option(
            "--customer", help="Share it out over the open invoices of this customer, oldest first."
        ),
    ] = None,
    actor: o.Actor = o.ACTOR,
) -> None:
    """Record it on an invoice, or share it out over a customer's, under the payment's own id."""
    who, name = o.read_line("--actor", actor), invoice or customer
    if name is None or (invoice and customer):
        raise Refusal(
            "say either the invoice that the money is for, or --customer and whose invoices it is for"
        )
    act = settling.settle_over_customer if customer else settling.settle
    line = with_ledger(lambda ledger: act(ledger, unmatched_id, name, who, wall_clock()))
    say(f"{name}: {words(line.kind)} of {money(line.amount, line.currency)} noted{_shared(line)}")


def dismiss(
    unmatched_id: Id,
    reason: Annotated[
        str, typer.Argument(help="Why it is for no invoice here, in a line.", show_default=False)
    ],
    actor: o.Actor = o.ACTOR,
) -> None:
    """Put it aside for good."""
    who, why = o.read_line("--actor", actor), o.read_line("the reason", reason)
    with_engine(lambda engine: settling.dismiss(engine, unmatched_id, who, why, wall_clock()))
    say(f"unmatched {unmatched_id} is dismissed")


def _shared(line: settling.Settled) -> str:
    parts = [f"{money(share.amount, line.currency)} on {share.invoice}" for share in line.shares]
    return f": {', '.join(parts)}" if parts else ""


def _row(line: UnmatchedLine) -> tuple[object, ...]:
    return (
        str(line.id), words(line.kind), money(line.amount, line.currency),
        line.paid_at.strftime("%Y-%m-%d %H:%M"), line.payer,
        "; ".join(filter(None, (*(each.value for each in line.references), _meant(line)))),
        words(line.reason), line.status,
        line.claimed_by if line.status == "claimed" else line.settled_by,
    )  # fmt: skip


def _meant(line: UnmatchedLine) -> str:
    return ", ".join(f"{money(share.amount, line.currency)} for {share.invoice}" for share in line.meant)


def _print_seen(seen: UnmatchedSeen) -> None:
    table(f"unmatched money {seen.id}", ("what", "is"), [
        ("movement", f"{words(seen.kind)} {seen.external_id}, told by {seen.source}"),
        ("amount", money(seen.amount, seen.currency)),
        ("paid (UTC)", seen.paid_at.strftime("%Y-%m-%d %H:%M")),
        ("payer", seen.payer),
        ("references", "; ".join(f"{words(each.kind)} {each.value}" for each in seen.references)),
        ("meant for", _meant(seen)),
        ("why unmatched", words(seen.reason)),
        ("status", " ".join(filter(None, (seen.status, seen.invoice or seen.customer, seen.dismissal)))),
    ])  # fmt: skip
    headings = ("invoice", "customer", "state", "balance", "score", "why")
    table(f"\n{counted(len(seen.candidates), 'candidate')}", headings, map(_candidate, seen.candidates))


def _candidate(each: Candidate) -> tuple[object, ...]:
    return (
        each.invoice, f"{each.customer} {each.customer_name}", words(each.state),
        money(each.balance, each.currency), each.score, ", ".join(map(_why, each.why)),
    )  # fmt: skip


def _why(each: Agreement) -> str:
    return f"{words(each.what)} {each.degree} %" if each.by != "amount" else words(each.what)
