"""A payment for several invoices as it is told: over HTTP by those who may, and on the command line."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.access import Ledger
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import row, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[3]
PAYMENTS, REVERSALS = "/v1/customers/C-1/payments", "/v1/customers/C-1/reversals"
PAID = {"id": "p-1", "amount": "150.00", "currency": "EUR"}


@pytest.fixture(autouse=True)
async def _invoices(ledger: Ledger) -> None:
    """Two invoices of a customer over EUR 100 each, and one of another."""
    hundred = Decimal(100)
    await take_in(ledger, row("A-1", amount=hundred), row("A-2", amount=hundred), row("B-1", "C-2"))


def shares(told: Any) -> dict[str, tuple[str, str]]:
    """What each invoice got or gave back, and its balance."""
    return {each["invoice"]: (each["amount"], each["balance"]) for each in told["shares"]}


async def test_a_payment_is_shared_out_once_and_taken_back_once(api: Api) -> None:
    bank = api.client(Role.PAYMENTS)
    told = [(await bank.post(PAYMENTS, json=PAID)).json() for _ in range(2)]
    assert [each["recorded"] for each in told] == [True, False]
    assert [shares(each) for each in told] == [{"A-1": ("100.00", "0.00"), "A-2": ("50.00", "50.00")}] * 2
    part = {"id": "r-1", "payment": "p-1", "amount": "20.00"}
    back = [(await bank.post(REVERSALS, json=part)).json() for _ in range(2)]
    assert [each["recorded"] for each in back] == [True, False]
    assert shares(back[0]) == {"A-2": ("20.00", "70.00")}
    rest = (await bank.post(REVERSALS, json={"id": "r-2", "payment": "p-1"})).json()
    assert shares(rest) == {"A-1": ("100.00", "100.00"), "A-2": ("30.00", "100.00")}


async def test_what_is_named_for_an_invoice_goes_there(api: Api) -> None:
    order = PAID | {"shares": [{"invoice": "A-2", "amount": "80.00"}]}
    told = (await api.client(Role.AGENT).post(PAYMENTS, json=order)).json()
    assert shares(told) == {"A-1": ("70.00", "30.00"), "A-2": ("80.00", "20.00")}


async def test_mistakes_are_told_with_a_code_and_change_nothing(api: Api) -> None:
    bank = api.client(Role.PAYMENTS)

    def named(number: str, amount: str = "1.00") -> dict[str, str]:
        return {"invoice": number, "amount": amount}

    found = [
        await bank.post("/v1/customers/nobody/payments", json=PAID),
        await bank.post(PAYMENTS, json=PAID | {"currency": "USD"}),
        await bank.post(PAYMENTS, json=PAID | {"amount": "0"}),
        await bank.post(PAYMENTS, json=PAID | {"amount": "1.001"}),
        await bank.post(PAYMENTS, json=PAID | {"shares": [named("B-1")]}),
        await bank.post(PAYMENTS, json=PAID | {"shares": [named("A-1", "150.01")]}),
        await bank.post(PAYMENTS, json=PAID | {"shares": [named("A-1"), named("A-1")]}),
        await bank.post(PAYMENTS, json=PAID | {"share": []}),
        await bank.post(REVERSALS, json={"id": "r-1", "payment": "p-9"}),
        await bank.post("/v1/customers/nobody/reversals", json={"id": "r-1", "payment": "p-1"}),
        await bank.post(REVERSALS, json={"id": "r-1"}),
        await api.client(Role.VIEWER).post(PAYMENTS, json=PAID),
        await api.client(Role.VIEWER).post(REVERSALS, json={"id": "r-1", "payment": "p-1"}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in found] == [
        (404, "unknown_customer"),
        (422, "nothing_owed"),
        (422, "bad_amount"),
        (422, "bad_amount"),
        (422, "not_among_the_open"),
        (422, "shares_do_not_fit"),
        (422, "invoice_named_twice"),
        (422, "invalid_request"),
        (404, "unknown_payment"),
        (404, "unknown_customer"),
        (422, "invalid_request"),
        (403, "not_allowed"),
        (403, "not_allowed"),
    ]
    told = await bank.post(PAYMENTS, json=PAID)
    assert shares(told.json())["A-2"] == ("50.00", "50.00")
    other = await bank.post(PAYMENTS, json=PAID | {"amount": "151.00"})
    more = await bank.post(REVERSALS, json={"id": "r-1", "payment": "p-1", "amount": "150.01"})
    assert [(each.status_code, each.json()["code"]) for each in (other, more)] == [
        (409, "payment_taken"),
        (422, "more_than_paid"),
    ]


async def test_the_commands_do_the_same_and_say_so(terminal: Terminal) -> None:
    told = ("pay-customer", "C-1", "150.00", "EUR", "--id", "bank-1", "--invoice", "A-2=80.00")
    seen = (await terminal.done(*told, "--preview")).out
    assert seen.startswith("C-1: 150.00 EUR would be shared out, payment bank-1\n")
    said = (await terminal.done(*told, "--json")).json
    assert (said["recorded"], shares(said)) == (True, {"A-1": ("70.00", "30.00"), "A-2": ("80.00", "20.00")})
    assert "told before, nothing changed" in (await terminal.done(*told)).out
    back = ("reverse-customer", "C-1", "bank-1", "90.00", "--id", "back-1")
    lines = (await terminal.done(*back)).out.splitlines()
    assert lines[0] == "C-1: payment bank-1 taken back"
    assert [line.split()[:3] for line in lines[2:]] == [["A-2", "EUR", "80.00"], ["A-1", "EUR", "10.00"]]
    assert "nothing changed" in (await terminal.done(*back)).out
    await terminal.done("reverse", "A-1", "25.00")
    rest = (await terminal.done("reverse-customer", "C-1", "bank-1", "--json")).json
    assert shares(rest) == {"A-1": ("35.00", "100.00")}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("pay-customer", "NOBODY", "10", "EUR"), "no customer 'NOBODY' is known"),
        (("pay-customer", "C-1", "ten", "EUR"), "ten"),
        (("pay-customer", "C-1", "10.001", "EUR"), "is no sum in EUR"),
        (("pay-customer", "C-1", "10", "XYZ"), "is no currency"),
        (("pay-customer", "C-1", "10", "USD"), "no invoice of this customer is open in that currency"),
        (("pay-customer", "C-1", "10", "EUR", "--invoice", "A-1"), "--invoice: 'A-1' is no share"),
        (("pay-customer", "C-1", "10", "EUR", "--invoice", "B-1=5"), "B-1 is not open"),
        (("pay-customer", "C-1", "10", "EUR", "--invoice", "A-1=11"), "the shares come to 11"),
        (("pay-customer", "C-1", "10", "EUR", "--at", "yesterday"), "--at"),
        (("reverse-customer", "C-1", "bank-9"), "no payment 'bank-9' of this customer is known"),
        (("reverse-customer", "NOBODY", "bank-1"), "no customer 'NOBODY' is known"),
        (("reverse-customer", "C-1", "bank-1", "much"), "much"),
    ],
)
async def test_a_command_that_makes_no_sense_is_refused_with_a_sentence(
    terminal: Terminal, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in await terminal.refused(*arguments)
