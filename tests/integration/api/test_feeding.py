"""An ERP feeds customers, contacts and invoices: once, again without effect, and many at a time."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from cadence.events import CustomerReceived
from starter.api.roles import Role
from tests.integration.api.conftest import Api

CUSTOMER = {"name": "Oficina Exemplo", "segment": "standard", "country": "PT", "email": "a@example.com"}
INVOICE = {
    "customer": "C-1",
    "due_on": "2026-03-01",
    "issued_on": "2026-01-05",
    "amount": "120.50",
    "currency": "EUR",
}


async def fed(api: Api, path: str, told: object, status: int, **headers: str) -> Any:
    answer = await api.client(Role.ERP).put(path, json=told, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def card(api: Api, key: str) -> Any:
    return (await api.client(Role.VIEWER).get(f"/v1/customers/{key}")).json()["card"]


async def test_a_customer_and_an_invoice_are_taken_in_once_and_again_change_nothing(api: Api) -> None:
    assert await fed(api, "/v1/customers/C-1", CUSTOMER, 201) == {"id": "C-1", "outcome": "new"}
    assert (await fed(api, "/v1/customers/C-1", CUSTOMER, 200))["outcome"] == "same"
    assert (await fed(api, "/v1/invoices/2026%2F0001", INVOICE, 201))["outcome"] == "new"
    assert (await fed(api, "/v1/invoices/2026%2F0001", INVOICE, 200))["outcome"] == "same"
    known = await card(api, "C-1")
    assert (known["language"], known["zone"]) == ("pt-PT", "Europe/Lisbon")
    status = (await api.client(Role.ERP).get("/v1/invoices/2026%2F0001/status")).json()
    assert (status["state"], status["balance"]) == ("scheduled", "120.50")


@pytest.mark.parametrize("key", ["%16", "%20", "a%00b", "%E2%80%AE", "x" * 61])
async def test_a_key_that_nobody_could_read_is_refused_wherever_it_stands(api: Api, key: str) -> None:
    await fed(api, "/v1/customers/C-1", CUSTOMER, 201)
    ana = {"role": "billing", "name": "Ana Exemplo"}
    for path, told in (
        (f"/v1/customers/{key}", CUSTOMER),
        (f"/v1/customers/C-1/contacts/{key}", ana),
        (f"/v1/invoices/{key}", INVOICE),
    ):
        assert (await fed(api, path, told, 422))["code"] == "invalid_request"


async def test_a_changed_amount_is_a_change(api: Api) -> None:
    await fed(api, "/v1/customers/C-1", CUSTOMER, 201)
    await fed(api, "/v1/invoices/A-1", INVOICE, 201)
    assert (await fed(api, "/v1/invoices/A-1", INVOICE | {"amount": "99.00"}, 200))["outcome"] == "changed"
    story = (await api.client(Role.VIEWER).get("/v1/invoices/A-1")).json()
    changed = next(each for each in story["events"] if each["type"] == "invoice_changed")
    assert (changed["actor"], story["invoice"]["balance"]) == ("token/erp", "99.00")


async def test_the_billing_contact_is_whom_messages_go_to(api: Api) -> None:
    await fed(api, "/v1/customers/C-1", CUSTOMER, 201)
    ana = {"role": "billing", "name": "Ana Exemplo", "email": "ana@example.com", "language": "en"}
    assert await fed(api, "/v1/customers/C-1/contacts/ana", ana, 201) == {"id": "ana", "outcome": "new"}
    assert (await fed(api, "/v1/customers/C-1/contacts/ana", ana, 200))["outcome"] == "same"
    known = await card(api, "C-1")
    assert (known["email"], known["language"]) == ("ana@example.com", "en")
    second = await fed(api, "/v1/customers/C-1/contacts/rui", ana | {"name": "Rui Exemplo"}, 422)
    assert second["code"] == "not_taken_in"
    assert "has the role billing" in second["detail"]


async def test_contacts_are_listed_with_their_roles_and_a_change_of_theirs_is_seen(api: Api) -> None:
    await fed(api, "/v1/customers/C-1", CUSTOMER, 201)
    owner = {"role": "owner", "name": "Rui Exemplo", "email": "rui@example.com", "phone": "+351900000777"}
    await fed(api, "/v1/customers/C-1/contacts/rui", owner, 201)
    seen = await api.client(Role.VIEWER).get("/v1/customers/C-1")
    listed = (await api.client(Role.VIEWER).get("/v1/customers/C-1/contacts")).json()
    card: dict[str, Any] = owner | {"key": "rui", "language": None, "whatsapp": None, "suppressed": {}}
    assert listed["items"] == seen.json()["contacts"] == [card]
    tag = {"If-Match": seen.headers["ETag"]}
    await fed(api, "/v1/customers/C-1/contacts/rui", owner | {"name": "Rui Inventado"}, 200, **tag)
    late = await fed(api, "/v1/customers/C-1/contacts/rui", owner | {"name": "Ana Exemplo"}, 412, **tag)
    assert late["code"] == "precondition_failed"


async def test_an_invoice_of_nobody_is_refused_with_what_to_do(api: Api) -> None:
    refused = await fed(api, "/v1/invoices/A-1", INVOICE, 422)
    assert refused["detail"] == "its customer is not known; send the customer first"


@pytest.mark.parametrize(
    ("wrong", "field", "problem"),
    [
        ({"amount": 120.5}, "body.amount", "an amount is text"),
        ({"amount": "1.005"}, "body", "more decimals than EUR"),
        ({"currency": "XXX"}, "body.currency", "not a currency"),
        ({"due_on": "2025-12-01"}, "body", "before the issue date"),
        ({"colour": "blue"}, "body.colour", "Extra inputs are not permitted"),
    ],
)
async def test_a_wrong_field_is_named_with_what_it_should_be(
    api: Api, wrong: dict[str, Any], field: str, problem: str
) -> None:
    refused = await fed(api, "/v1/invoices/A-1", INVOICE | wrong, 422)
    assert refused["errors"][0]["field"] == field
    assert problem in refused["errors"][0]["problem"]


async def test_a_region_of_another_country_is_refused(api: Api) -> None:
    refused = await fed(api, "/v1/customers/C-1", CUSTOMER | {"subdivision": "BR-SP"}, 422)
    assert refused["errors"][0]["field"] == "body.subdivision"


async def test_a_change_after_somebody_elses_is_refused(api: Api) -> None:
    await fed(api, "/v1/customers/C-1", CUSTOMER, 201)
    seen = (await api.client(Role.VIEWER).get("/v1/customers/C-1")).headers["ETag"]
    await fed(api, "/v1/customers/C-1", CUSTOMER | {"email": "b@example.com"}, 200, **{"If-Match": seen})
    late = await fed(
        api, "/v1/customers/C-1", CUSTOMER | {"email": "c@example.com"}, 412, **{"If-Match": seen}
    )
    assert late["code"] == "precondition_failed"
    assert (await card(api, "C-1"))["email"] == "b@example.com"


async def feed(api: Api, lines: Sequence[object], status: int = 200) -> list[dict[str, Any]]:
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    answer: httpx.Response = await api.client(Role.ERP).post("/v1/feed", content=body)
    assert answer.status_code == status, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def customer_line(key: str, **changes: object) -> dict[str, object]:
    return {"type": "customer", "key": key} | CUSTOMER | changes


def invoice_line(number: str, customer: str, **changes: object) -> dict[str, object]:
    return {"type": "invoice", "number": number} | INVOICE | {"customer": customer} | changes


async def test_a_feed_answers_line_by_line_and_its_repetition_changes_nothing(api: Api) -> None:
    customers = [customer_line(f"C-{number}") for number in range(60)]
    invoices = [invoice_line(f"F-{number}", f"C-{number % 60}") for number in range(180)]
    lines = [
        *customers,
        {"type": "contact", "customer": "C-1", "key": "x", "role": "owner", "name": "Ana"},
        *invoices,
    ]
    first = await feed(api, lines)
    assert [each["line"] for each in first] == list(range(1, 242))
    assert {each["outcome"] for each in first} == {"new"}
    assert {each["outcome"] for each in await feed(api, lines)} == {"same"}


async def test_a_bad_line_stops_no_other(api: Api) -> None:
    told = await feed(
        api,
        [
            customer_line("C-1"),
            "{not json",
            "[]",
            {"type": "customer", "key": "C-2"},
            invoice_line("F-1", "C-9"),
            invoice_line("F-2", "C-1", segment="standard"),
            invoice_line("F-3", "C-1"),
        ],
    )
    assert [each["outcome"] for each in told] == ["new", *["rejected"] * 5, "new"]
    assert told[1]["reason"] == "the line is no JSON object"
    assert {each["field"] for each in told[3]["errors"]} >= {"customer.name", "customer.country"}
    assert told[4]["reason"] == "its customer is not known; send the customer first"


async def test_more_lines_than_a_request_takes_are_refused_before_anything_is_done(api: Api) -> None:
    answer = await feed(api, [customer_line("C-1"), *["{}"] * 10_000], 413)
    assert answer[0]["code"] == "too_many_lines"
    assert (await api.client(Role.VIEWER).get("/v1/customers")).json()["items"] == []


async def test_a_changed_address_is_an_event_that_does_not_name_it(api: Api) -> None:
    await fed(api, "/v1/customers/C-1", CUSTOMER, 201)
    await fed(api, "/v1/invoices/A-1", INVOICE, 201)
    await fed(api, "/v1/customers/C-1", CUSTOMER | {"email": "new@example.com"}, 200)
    story = (await api.client(Role.VIEWER).get("/v1/invoices/A-1")).json()
    told = [each for each in story["events"] if each["type"] == CustomerReceived.model_fields["type"].default]
    assert len(told) == 2
    assert "new@example.com" not in json.dumps(told)


async def test_an_invoice_number_may_be_as_long_as_a_feeds(api: Api) -> None:
    await fed(api, "/v1/customers/C-1", CUSTOMER, 201)
    assert (await fed(api, f"/v1/invoices/{'9' * 31}", INVOICE, 422))["code"] == "invalid_request"
    assert (await fed(api, f"/v1/invoices/{'9' * 30}", INVOICE, 201))["outcome"] == "new"
