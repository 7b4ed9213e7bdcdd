"""What happened, told over HTTP by those who may: recorded once, or refused with its field."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from ledger.performing import perform
from ledger.publishing import publish
from starter.api.roles import Role
from tests.integration.api.acting import PAYMENT, act, done, plan, problem
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL, COURTESY_AT, order_of, row, ruler, take_in


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


async def test_a_payment_told_twice_under_one_id_counts_once(house: Api) -> None:
    bank = house.client(Role.PAYMENTS)
    first = await done(bank, "payments", **PAYMENT)
    again = await done(bank, "payments", **PAYMENT)
    assert (first["recorded"], first["balance"], first["paid"]) == (True, "100.00", "20.50")
    assert (again["recorded"], again["balance"]) == (False, "100.00")


async def test_one_id_for_two_payments_is_a_conflict_that_changes_nothing(house: Api) -> None:
    bank = house.client(Role.PAYMENTS)
    await done(bank, "payments", **PAYMENT)
    assert await problem(bank, "payments", "A-2", **PAYMENT) == (409, "id_taken")
    assert await problem(bank, "payments", **PAYMENT | {"amount": "30.00"}) == (409, "id_taken")
    status = (await bank.get("/v1/invoices/A-1/status")).json()
    assert (status["state"], status["balance"]) == ("scheduled", "100.00")


async def test_a_payment_in_full_closes_and_its_reversal_reopens(house: Api) -> None:
    erp = house.client(Role.ERP)
    paid = await done(erp, "payments", **PAYMENT | {"amount": "120.50", "at": "2026-03-01T10:00:00+01:00"})
    assert (paid["state"], paid["balance"], paid["next_kind"]) == ("paid", "0.00", None)
    back = await done(erp, "reversals", **PAYMENT | {"amount": "120.50"})
    assert (back["state"], back["balance"], back["closed_at"]) == ("scheduled", "120.50", None)
    again = await done(erp, "reversals", **PAYMENT | {"amount": "120.50"})
    assert again["recorded"] is False


async def test_twenty_payments_at_once_are_all_counted(house: Api) -> None:
    erp = house.client(Role.ERP)
    payments = [done(erp, "payments", id=f"p-{n}", amount="1.00", currency="EUR") for n in range(20)]
    balances = {answer["balance"] for answer in await asyncio.gather(*payments)}
    assert "100.50" in balances
    assert len(balances) == 20


async def test_a_dispute_stops_reminders_until_it_is_resolved(
    agent: httpx.AsyncClient, manager: httpx.AsyncClient
) -> None:
    assert (await done(agent, "disputes", reason="wrong-amount"))["state"] == "disputed"
    assert await problem(agent, "disputes") == (409, "disputed")
    assert await problem(agent, "disputes/resolution", outcome="upheld") == (403, "not_allowed")
    assert (await done(agent, "disputes/resolution", outcome="rejected"))["state"] == "scheduled"
    assert await problem(agent, "disputes/resolution", outcome="rejected") == (409, "not_disputed")
    await done(agent, "disputes")
    upheld = await done(manager, "disputes/resolution", outcome="upheld")
    assert (upheld["state"], upheld["credited"]) == ("credited", "120.50")


async def test_a_part_is_disputed_given_to_somebody_and_credited(manager: httpx.AsyncClient) -> None:
    part = {"amount": "20.50", "owner": "sales", "answer_by": "2026-08-01"}
    opened = await done(manager, "disputes", reason="price", **part)
    assert (opened["state"], opened["balance"], opened["next_kind"]) == (
        "disputed",
        "120.50",
        "check_dispute",
    )
    await done(manager, "disputes/assignment", owner="legal")
    story = (await manager.get("/v1/invoices/A-1")).json()
    assert story["events"][-1]["payload"] == {"owner": "legal", "answer_by": "2026-08-01"}
    too_much = {"outcome": "upheld", "credit": "20.51"}
    assert await problem(manager, "disputes/resolution", **too_much) == (422, "more_than_disputed")
    resolved = await done(manager, "disputes/resolution", outcome="upheld", credit="20.00")
    assert (resolved["state"], resolved["balance"]) == ("scheduled", "100.50")


async def test_an_extension_moves_the_due_date_later(agent: httpx.AsyncClient) -> None:
    due = (await agent.get("/v1/invoices/A-1")).json()["invoice"]["due_on"]
    assert await problem(agent, "extension", to=due) == (422, "not_later")
    extended = await done(agent, "extension", to="2026-12-31", reason="goods-late")
    assert extended["due_on"] == "2026-12-31"


async def test_a_promise_waits_for_its_day(agent: httpx.AsyncClient) -> None:
    promised = await done(agent, "promises", by="2026-03-20", amount="60.00")
    assert (promised["state"], promised["next_kind"]) == ("promised", "check_promise")


async def test_a_plan_silences_the_ruler_until_it_is_ended(agent: httpx.AsyncClient) -> None:
    halves = plan(("2026-03-20", "60.00"), ("2026-04-20", "60.50"))
    assert (await done(agent, "plan", **halves))["state"] == "on_plan"
    listed = (await agent.get("/v1/invoices", params={"state": "on_plan"})).json()["items"]
    assert [invoice["number"] for invoice in listed] == ["A-1"]
    assert await problem(agent, "promises", by="2026-03-20") == (409, "on_plan")
    assert (await done(agent, "plan/end", reason="new-agreement"))["state"] == "scheduled"
    assert await problem(agent, "plan/end") == (409, "not_on_plan")


async def test_a_hold_ends_with_its_last_day_where_the_customer_is(agent: httpx.AsyncClient) -> None:
    held = await done(agent, "hold", until="2026-07-15", reason="flooded")
    assert (held["state"], held["next_kind"], held["next_at"]) == (
        "on_hold",
        "end_hold",
        "2026-07-15T23:00:00Z",
    )
    assert (await done(agent, "release"))["state"] == "scheduled"
    assert await problem(agent, "release") == (409, "not_paused")


async def test_escalation_goes_to_the_next_stage_and_opens_a_case(agent: httpx.AsyncClient) -> None:
    await done(agent, "escalation")
    await done(agent, "escalation", stage="overdue")
    story = (await agent.get("/v1/invoices/A-1")).json()
    assert [event["payload"]["stage"] for event in story["events"] if event["type"] == "escalated"] == [
        "courtesy", "overdue",
    ]  # fmt: skip
    assert [item["step"] for item in story["agenda"]] == ["reminder", "demand"]
    assert {case["reason"] for case in story["cases"]} == {"escalated"}
    assert await problem(agent, "escalation") == (409, "last_stage")


async def test_a_cancelled_invoice_is_closed_and_nothing_is_left_to_do(
    agent: httpx.AsyncClient, manager: httpx.AsyncClient
) -> None:
    assert (await done(manager, "cancellation", reason="duplicate"))["state"] == "cancelled"
    for name, body in (
        ("disputes", {}),
        ("promises", {"by": "2026-03-20"}),
        ("plan", plan(("2026-03-20", "60.00"))),
        ("hold", {}),
        ("escalation", {}),
    ):
        assert await problem(agent, name, **body) == (409, "closed")
    assert await problem(manager, "cancellation") == (409, "closed")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("payments", PAYMENT | {"amount": "0"}, "amount_not_positive"),
    ("payments", PAYMENT | {"amount": "1.005"}, "too_many_decimals"),
    ("payments", PAYMENT | {"amount": 20.5}, "invalid_request"),
    ("payments", PAYMENT | {"amount": "-1"}, "invalid_request"),
    ("payments", PAYMENT | {"amount": "1e3"}, "invalid_request"),
    ("payments", PAYMENT | {"currency": "USD"}, "other_currency"),
    ("payments", PAYMENT | {"currency": "XXX"}, "invalid_request"),
    ("payments", PAYMENT | {"at": "2026-03-05T00:00:00Z"}, "future"),
    ("payments", PAYMENT | {"at": "1888-03-05T00:00:00Z"}, "too_early"),
    ("payments", PAYMENT | {"at": "2026-03-01T00:00:00"}, "invalid_request"),
    ("payments", PAYMENT | {"id": " "}, "invalid_request"),
    ("payments", PAYMENT | {"method": "Bank Transfer"}, "invalid_request"),
    ("payments", PAYMENT | {"tip": "1"}, "invalid_request"),
    ("payments", {"amount": "1.00", "currency": "EUR"}, "invalid_request"),
    ("reversals", PAYMENT, "more_than_paid"),
    ("disputes", {"reason": "They are WRONG"}, "invalid_request"),
    ("disputes", {"note": "a\u202eb"}, "invalid_request"),
    ("disputes/resolution", {"outcome": "maybe"}, "invalid_request"),
    ("promises", {}, "invalid_request"),
    ("promises", {"by": "2026-02-28"}, "day_out_of_range"),
    ("promises", {"by": "9999-12-31"}, "day_out_of_range"),
    ("promises", {"by": "2026-03-20", "amount": "500.00"}, "more_than_open"),
    ("promises", {"by": "2026-03-20", "amount": "0.001"}, "too_many_decimals"),
    ("plan", {"instalments": []}, "invalid_request"),
    ("plan", {"instalments": [{"due_on": "2026-03-20", "amount": 60.5}]}, "invalid_request"),
    ("plan", plan(("2026-03-20", "500.00")), "more_than_open"),
    ("plan", plan(("2026-02-20", "60.00")), "day_out_of_range"),
    ("plan", plan(("2026-03-20", "0.001")), "too_many_decimals"),
    ("plan", plan(("2026-04-20", "60.00"), ("2026-03-20", "60.00")), "instalments_out_of_order"),
    ("hold", {"until": "2026-03-01"}, "day_out_of_range"),
    ("escalation", {"stage": "doom"}, "unknown_stage"),
]  # fmt: skip


async def test_what_makes_no_sense_is_refused_with_its_field_and_changes_nothing(
    house: Api, agent: httpx.AsyncClient
) -> None:
    before = (await agent.get("/v1/invoices/A-1")).headers["ETag"]
    for name, body, code in REFUSED:
        answer = await act(agent, name, **body)
        found = answer.json()
        assert (answer.status_code, found["code"]) == (422, code), (name, body, found)
        assert all(error["field"] and error["problem"] for error in found["errors"])
        assert found["errors"]
    assert (await agent.get("/v1/invoices/A-1")).headers["ETag"] == before


async def test_a_change_upon_an_old_picture_is_refused(agent: httpx.AsyncClient) -> None:
    seen = (await agent.get("/v1/invoices/A-1")).headers["ETag"]
    glanced = (await agent.get("/v1/invoices/A-1/status")).headers["ETag"]
    address, order = "/v1/invoices/A-1/hold", {"reason": "flooded"}
    first = await agent.post(address, json=order, headers={"If-Match": seen})
    assert first.status_code == 200
    for tag in (seen, glanced, '"nothing"'):
        late = await agent.post(address, json=order, headers={"If-Match": tag})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    chained = await agent.post(
        "/v1/invoices/A-1/release", json={}, headers={"If-Match": first.headers["ETag"]}
    )
    assert chained.json()["state"] == "scheduled"


async def test_of_those_who_change_the_same_picture_at_once_one_does(agent: httpx.AsyncClient) -> None:
    tag = (await agent.get("/v1/invoices/A-1")).headers["ETag"]
    orders = [
        agent.post("/v1/invoices/A-1/escalation", json={}, headers={"If-Match": tag}) for _ in range(10)
    ]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*orders))
    assert statuses == [200] + [412] * 9


async def test_a_manager_answers_what_waits_and_an_agent_only_sees_it(
    agent: httpx.AsyncClient, manager: httpx.AsyncClient, api: Api
) -> None:
    message = {"send": {"template": "overdue_first", "channels": ["email"]}, "stage": "courtesy"}
    step = {"id": "courtesy", "at": "due - 4d", "approval": "manager"} | message
    await publish(api.ledger.engine, ruler(steps=[step]), ARRIVAL)
    [invoice_id] = await take_in(api.ledger, row("W-1"))
    await perform(api.ledger, await order_of(api.ledger, invoice_id), COURTESY_AT)
    [line] = (await agent.get("/v1/approvals", params={"limit": 1})).json()["items"]
    assert (line["invoice"], line["step"], line["by"]) == ("W-1", "courtesy", "manager")
    assert await problem(agent, "approval", "W-1") == (403, "not_allowed")
    assert await problem(agent, "refusal", "W-1") == (403, "not_allowed")
    assert await problem(manager, "approval", "W-1", step="final") == (422, "not_awaiting_approval")
    assert (await done(manager, "approval", "W-1", step="courtesy"))["next_kind"] == "send_email"
    assert await problem(manager, "refusal", "W-1", reason="late") == (409, "not_awaiting_approval")
    assert (await agent.get("/v1/approvals")).json() == {"items": [], "next": None}
