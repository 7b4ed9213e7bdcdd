"""Commands for what customers write back, and for answering them."""

from typing import Annotated

import typer

from cadence.words import Channel
from ledger import correspondence
from starter.answering import answer as write_answer
from starter.commands import options as o
from starter.printing import as_json, counted, say, table, words
from starter.session import Refusal, wall_clock, with_engine, with_ledger

Text = Annotated[str, typer.Argument(help="What the customer is told.", show_default=False)]
By = Annotated[
    Channel, typer.Option("--channel", help="sms or whatsapp; no other is tried.", show_default=False)
]
Role = Annotated[
    str | None,
    typer.Option(
        "--role", help="Who is answered, such as billing; whoever wrote last by the channel if left out."
    ),
]
Customer = Annotated[str | None, typer.Argument(help="The creditor's key of one customer.")]
Unknown = Annotated[bool, typer.Option("--unknown", help="Only from numbers that belong to no customer.")]
NEWEST = 100


def answer(invoice: o.Invoice, text: Text, channel: By, role: Role = None, actor: o.Actor = o.ACTOR) -> None:
    """Answer the customer, or the contact of theirs who wrote, about an invoice, in your own words."""
    origin = o.read_origin(actor, None)
    of_role = None if role is None else o.read_code("--role", role)
    written = with_ledger(
        lambda ledger: write_answer(ledger, invoice, channel, text, origin, wall_clock(), role=of_role)
    )
    say(
        f"{invoice}: the answer to {written.to} leaves by {written.channel} "
        f"at {written.leaves_at:%Y-%m-%d %H:%M} UTC"
    )


def conversations(customer: Customer = None, unknown: Unknown = False, json: o.Json = False) -> None:
    """List what customers wrote, those who wait for an answer first; or show one customer's conversation."""
    if customer is not None and unknown:
        raise Refusal("say one: a customer's key, or --unknown for numbers that belong to nobody")
    if customer is not None:
        _show(customer, json=json)
        return
    found = with_engine(
        lambda engine: correspondence.list_conversations(engine, NEWEST, unknown=True if unknown else None)
    )
    if json:
        as_json(found)
        return
    rows = [
        (each.customer or "unknown", each.name or each.sender, f"{each.at:%Y-%m-%d %H:%M}", each.channel,
         words(each.intent or "other"), "waits" if each.waiting else "", each.text)
        for each in found
    ]  # fmt: skip
    headings = ("customer", "name", "at (UTC)", "channel", "reads as", "", "last text")
    table(counted(len(found), "conversation"), headings, rows)


def _show(customer: str, *, json: bool) -> None:
    found = with_engine(lambda engine: correspondence.conversation(engine, customer, NEWEST))
    if json:
        as_json(found)
        return
    say(f"customer {found.customer} {found.name}")
    if found.whatsapp_open_until:
        say(f"WhatsApp takes free text until {found.whatsapp_open_until:%Y-%m-%d %H:%M} UTC")
    for channel, reason in found.closed_channels.items():
        say(f"not by {channel}: {words(reason)}")
    rows = [
        (f"{each.at:%Y-%m-%d %H:%M}", each.by or each.who, each.channel, each.address, each.invoice,
         words(each.intent or each.delivery or each.state or ""), each.text)
        for each in found.said
    ]  # fmt: skip
    table(counted(len(rows), "text"), ("at (UTC)", "who", "channel", "address", "invoice", "", "text"), rows)
