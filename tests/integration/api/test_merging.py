"""Two customers made one over HTTP: by managers, shown first, told once."""

from collections.abc import Callable
from datetime import datetime

import pytest

from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL, row, take_in

ORDER = {"into": "C-2", "reason": "duplicate"}
MERGE = "/v1/customers/C-1/merge"


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


async def test_a_manager_sees_what_moves_and_merges_once(api: Api) -> None:
    await take_in(api.ledger, row("A-1"), row("A-2", "C-2"))
    manager = api.client(Role.MANAGER)
    seen = (await manager.post(MERGE, json=ORDER | {"preview": True})).json()
    assert (seen["open_invoices"], seen["recorded"]) == (["A-1"], False)
    done = await manager.post(MERGE, json=ORDER | {"note": "same tax number"})
    assert (done.status_code, done.json()) == (200, seen | {"recorded": True})
    again = (await manager.post(MERGE, json=ORDER)).json()
    assert (again["open_invoices"], again["recorded"]) == ([], False)
    view = (await manager.get("/v1/customers/C-1")).json()
    assert (view["card"]["key"], view["merged_keys"]) == ("C-2", ["C-1"])
    listed = (await manager.get("/v1/customers")).json()["items"]
    assert [(line["key"], line["open_invoices"]) for line in listed] == [("C-2", 2)]
    owed = (await manager.get("/v1/invoices", params={"customer": "C-1"})).json()["items"]
    assert sorted(line["number"] for line in owed) == ["A-1", "A-2"]


async def test_a_merge_that_cannot_be_is_a_problem_with_a_code(api: Api) -> None:
    await take_in(api.ledger, row("A-1"), row("A-2", "C-2"))
    manager = api.client(Role.MANAGER)
    itself = await manager.post(MERGE, json=ORDER | {"into": "C-1"})
    assert (itself.status_code, itself.json()["code"]) == (422, "merge_into_itself")
    await take_in(api.ledger, row("A-3", "C-3"))
    await manager.post(MERGE, json=ORDER)
    third = await manager.post(MERGE, json=ORDER | {"into": "C-3"})
    assert (third.status_code, third.json()["code"]) == (409, "merged_already")
    nobody = await manager.post("/v1/customers/C-2/merge", json=ORDER | {"into": "C-9"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_customer")
    assert (await api.client(Role.AGENT).post(MERGE, json=ORDER)).status_code == 403
