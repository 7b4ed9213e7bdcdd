"""Late charges as they are told: claimed and given up over HTTP and on the command line, and shown by their parts."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.access import Ledger
from ledger.publishing import publish
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL, DAY, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[3]
# Twenty-one days after the due date: by the sample creditor's regime 2.10 of interest, and a fine of 6.00.
NOW = ARRIVAL + 29 * DAY
INVOICE = "/v1/invoices/2026%2F1"
CHARGES, WAIVER = f"{INVOICE}/late-charges", f"{INVOICE}/late-charges/waiver"


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: NOW


@pytest.fixture(autouse=True)
async def _invoices(ledger: Ledger) -> None:
    """A consumer's invoice over BRL 300, and one that is not due yet."""
    await publish(ledger.engine, ruler(debtors="consumer"), ARRIVAL)
    later = (NOW + 30 * DAY).date()
    sums: dict[str, Any] = {"currency": "BRL", "amount": Decimal(300)}
    await take_in(ledger, row("2026/1", **sums), row("2026/2", **sums, due_on=later))


def parts(answer: httpx.Response) -> dict[str, tuple[str, str, str]]:
    """What was asked, settled and is open of each part, in the order in which money settles them."""
    return {each["part"]: (each["asked"], each["settled"], each["open"]) for each in answer.json()["parts"]}


async def test_a_manager_claims_what_the_regime_allows_once_and_gives_up_what_is_not_paid(api: Api) -> None:
    manager = api.client(Role.MANAGER)
    assert parts(await manager.get(INVOICE)) == {}
    claimed = await manager.post(CHARGES, json={})
    assert (claimed.status_code, claimed.json()["balance"]) == (200, "308.10"), claimed.text
    again = await manager.post(CHARGES, json={})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_claim")
    paid = {"id": "p-1", "amount": "7.00", "currency": "BRL"}
    await manager.post(f"{INVOICE}/payments", json=paid)
    expected = {
        "costs": ("6.00", "6.00", "0.00"),
        "interest": ("2.10", "1.00", "1.10"),
        "principal": ("300.00", "0.00", "300.00"),
    }
    for address in (INVOICE, f"{INVOICE}/interest"):
        found = parts(await api.client(Role.VIEWER).get(address))
        assert found == expected
        assert list(found) == ["costs", "interest", "principal"]
    assert (await manager.post(WAIVER, json={})).json()["balance"] == "300.00"
    assert parts(await manager.get(INVOICE))["interest"] == ("1.00", "1.00", "0.00")
    nothing = await manager.post(WAIVER, json={})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_claimed")


async def test_interest_and_costs_are_claimed_apart_and_up_to_a_day(api: Api) -> None:
    manager = api.client(Role.MANAGER)
    interest = await manager.post(CHARGES, json={"costs": False, "until": "2026-03-20"})
    assert interest.json()["balance"] == "301.00"
    assert (await manager.post(CHARGES, json={"interest": False})).json()["balance"] == "307.00"


async def test_a_claim_that_makes_no_sense_is_refused_with_a_code(api: Api) -> None:
    manager = api.client(Role.MANAGER)
    not_due = "/v1/invoices/2026%2F2/late-charges"
    found = [
        await manager.post(CHARGES, json={"until": "2026-04-01"}),
        await manager.post(CHARGES, json={"until": "soon"}),
        await manager.post(CHARGES, json={"interst": False}),
        await manager.post(CHARGES, json={"interest": False, "costs": False}),
        await manager.post(not_due, json={}),
        await manager.post("/v1/invoices/none/late-charges", json={}),
        await manager.post("/v1/invoices/none/late-charges/waiver", json={}),
        await api.client(Role.AGENT).post(CHARGES, json={}),
        await api.client(Role.AGENT).post(WAIVER, json={}),
        await manager.post(CHARGES, json={}, headers={"If-Match": '"older"'}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in found] == [
        (422, "future"),
        (422, "invalid_request"),
        (422, "invalid_request"),
        (409, "nothing_to_claim"),
        (409, "nothing_to_claim"),
        (404, "unknown_invoice"),
        (404, "unknown_invoice"),
        (403, "not_allowed"),
        (403, "not_allowed"),
        (412, "precondition_failed"),
    ]
    assert (await manager.get(INVOICE)).json()["invoice"]["balance"] == "300.00"


async def test_the_commands_claim_show_and_give_up(terminal: Terminal) -> None:
    until = ("--until", "2026-04-09")
    seen = (await terminal.done("charge", "2026/1", *until, "--preview")).out
    assert seen == "2026/1: interest of BRL 3.00 and costs of BRL 6.00 would be claimed, by br-consumer.\n"
    assert "money settles" not in (await terminal.done("show", "2026/1")).out
    said = (await terminal.done("charge", "2026/1", *until)).out
    assert said == (
        "2026/1: claimed; interest of BRL 3.00 and costs of BRL 6.00 are open with it, in all BRL 309.00.\n"
    )
    await terminal.done("pay", "2026/1", "10.00")
    for command in (("show", "2026/1"), ("interest", "2026/1", *until)):
        lines = [line.split("  ") for line in (await terminal.done(*command)).out.splitlines()]
        told = {line[0]: [each.strip() for each in line[1:] if each] for line in lines if len(line) > 1}
        assert told["costs"] == ["BRL 6.00", "BRL 6.00", "BRL 0.00"]
        assert told["interest"] == ["BRL 3.00", "BRL 3.00", "BRL 0.00"]
        assert told["principal"] == ["BRL 300.00", "BRL 1.00", "BRL 299.00"]
    told_as = (await terminal.done("show", "2026/1", "--json")).json["parts"]
    assert [each["part"] for each in told_as] == ["costs", "interest", "principal"]
    await terminal.done("charge", "2026/1", "--until", "2026-04-19")
    waived = (await terminal.done("waive", "2026/1", "--note", "asked nicely")).out
    assert "late charges waived" in waived
    assert "BRL 299.00 open" in waived


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("charge", "2026/1", "--until", "soon"), "--until"),
        (("charge", "2026/1", "--until", "2099-01-01"), "is not over yet"),
        (("charge", "2026/1", "--until", "2026-03-10"), "bears nothing up to 2026-03-10"),
        (("charge", "2026/1", "--no-interest", "--no-costs"), "bears nothing up to"),
        (("charge", "NONE"), "no invoice 'NONE' is known"),
        (("charge", "NONE", "--preview"), "no invoice 'NONE' is known"),
        (("waive", "2026/1"), "no late charges open"),
        (("waive", "NONE"), "no invoice 'NONE' is known"),
    ],
)
async def test_a_command_that_makes_no_sense_is_refused_with_a_sentence(
    terminal: Terminal, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in await terminal.refused(*arguments)
