"""Commands about credit: given by a note, listed for a customer, used on another invoice, given back."""

from typing import Annotated

import typer

from ledger import crediting
from ledger.keys import new_attempt_id
from ledger.movements import CREDIT_NOTE_SOURCE, REFUND_SOURCE
from ledger.unit import Held, Unit
from starter import acts
from starter.commands import options as o
from starter.commands.facts import At, Currency, tell, when
from starter.printing import as_json, money, say, table, words
from starter.session import wall_clock, with_engine, with_ledger
from starter.standing import act_on

Customer = Annotated[str, typer.Argument(help="The creditor's own key of the customer.", show_default=False)]
NoteId = Annotated[str | None, typer.Option("--id", help="The credit note's own id: it counts once.")]
RefundId = Annotated[str | None, typer.Option("--id", help="The refund's own id: it counts once.")]
UseId = Annotated[
    str | None, typer.Option("--id", help="An id: using credit twice under it changes nothing.")
]
Part = Annotated[
    str | None,
    typer.Argument(help="How much; as much as is owed or there is, if left out.", show_default=False),
]


def credit_note(
    invoice: o.Invoice, amount: o.Amount, currency: Currency = None, at: At = None,
    once: NoteId = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Credit a part of what was invoiced: the balance falls, and what is then too much is the customer's credit."""
    credited = o.read_amount(amount)
    origin = o.read_origin(actor, note, CREDIT_NOTE_SOURCE, once)
    tell(
        invoice,
        origin,
        lambda stands, now: acts.credit_note(
            stands, now, amount=credited, currency=currency, at=when(stands, at)
        ),
        f"credit note of {amount} noted",
        credited,
    )


def refund(
    invoice: o.Invoice, amount: o.Amount, currency: Currency = None, at: At = None,
    once: RefundId = None, note: o.Note = None, actor: o.Actor = o.ACTOR,
) -> None:  # fmt: skip
    """Take note that credit was given back to the customer; at most what lies on the invoice to their good."""
    given = o.read_amount(amount)
    origin = o.read_origin(actor, note, REFUND_SOURCE, once)
    tell(
        invoice,
        origin,
        lambda stands, now: acts.refund(stands, now, amount=given, currency=currency, at=when(stands, at)),
        f"refund of {amount} noted",
        given,
    )


def credit(customer: Customer, json: o.Json = False) -> None:
    """List what lies to a customer's good, and on which invoices."""
    found = with_engine(lambda engine: crediting.credit_of(engine, customer))
    if json:
        as_json(found)
        return
    sums = ", ".join(money(amount, currency) for currency, amount in found.credit.items())
    title = f"{customer}: {sums} of credit" if sums else f"{customer}: no credit"
    table(
        title,
        ("invoice", "credit"),
        [(line.invoice, money(line.credit, line.currency)) for line in found.invoices],
    )


def use_credit(
    invoice: o.Invoice, amount: Part = None, once: UseId = None, note: o.Note = None, actor: o.Actor = o.ACTOR
) -> None:
    """Move the customer's credit onto an open invoice of the same currency, from the invoice that is due first."""
    wanted = o.read_amount(amount) if amount else None
    origin = o.read_origin(actor, note, crediting.INTO, once or new_attempt_id())
    done: list[crediting.Used] = []

    async def act(unit: Unit, held: Held) -> bool:
        done.append(await crediting.use_credit(unit, held, wanted, origin))
        return done[-1].recorded

    told = with_ledger(lambda ledger: act_on(ledger, invoice, act, wall_clock()))
    if not told.recorded:
        say(f"{invoice}: told before under the id {origin.external_id}; nothing changed.")
        return
    facts, used = told.stands.facts, done[-1]
    open_now = "" if facts.closed else f", with {money(facts.balance, facts.currency)} open"
    came = f"{money(used.amount, facts.currency)} of credit from {', '.join(used.sources)}"
    say(f"{invoice}: {came}. It is {words(told.stands.situation.state)}{open_now}.")
