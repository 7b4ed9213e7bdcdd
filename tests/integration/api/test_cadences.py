"""Cadences over HTTP: judged with lines, published once, previewed on a calendar."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import ARRIVAL

SMB = Path("cadences/smb.yaml").read_text(encoding="utf-8")


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: ARRIVAL


@pytest.fixture
def manager(api: Api) -> httpx.AsyncClient:
    return api.client(Role.MANAGER)


async def test_judging_names_the_line_the_field_and_the_fault_and_publishes_nothing(
    manager: httpx.AsyncClient,
) -> None:
    bad = SMB.replace("template: upcoming", "template: upcomming")
    line = next(n for n, text in enumerate(bad.splitlines(), 1) if "upcomming" in text)
    lint = (await manager.post("/v1/cadences/lint", json={"yaml": bad})).json()
    found = [each for each in lint["findings"] if each["level"] == "error"]
    assert lint["fine"] is False
    assert [(each["line"], each["field"]) for each in found] == [(line, "steps[0].send.template")]
    assert "did you mean 'upcoming'?" in found[0]["message"]
    assert (await manager.post("/v1/cadences/lint", json={"yaml": SMB})).json()["fine"] is True
    assert {each["name"] for each in (await manager.get("/v1/cadences")).json()["items"]} == {"short"}


async def test_text_that_is_no_document_is_a_finding_not_a_fault(manager: httpx.AsyncClient) -> None:
    for text in ("{", "- a\n- b", "name: x", "\x07", "a: &a [*a, *a]"):
        answer = await manager.post("/v1/cadences/lint", json={"yaml": text})
        assert (answer.status_code, answer.json()["fine"]) == (200, False), text
        assert all(each["message"] and each["line"] >= 1 for each in answer.json()["findings"])


async def test_publishing_makes_a_version_once_and_keeps_who_did(manager: httpx.AsyncClient) -> None:
    first = await manager.post("/v1/cadences", json={"yaml": SMB})
    again = await manager.post("/v1/cadences", json={"yaml": SMB})
    changed = await manager.post("/v1/cadences", json={"yaml": SMB.replace("title: ", "title: New ")})
    assert [answer.json() for answer in (first, again, changed)] == [
        {"name": "smb", "version": 1, "published": True},
        {"name": "smb", "version": 1, "published": False},
        {"name": "smb", "version": 2, "published": True},
    ]
    lines = (await manager.get("/v1/cadences")).json()["items"]
    assert [(each["version"], each["latest"], each["published_by"]) for each in lines if each["name"] == "smb"] == [
        (2, True, "token/manager"), (1, False, "token/manager"),
    ]  # fmt: skip
    old = (await manager.get("/v1/cadences/smb/versions/1")).json()
    assert not old["document"]["title"].startswith("New")


async def test_a_document_with_errors_or_a_taken_segment_is_not_published(manager: httpx.AsyncClient) -> None:
    bad = await manager.post("/v1/cadences", json={"yaml": SMB.replace("template: upcoming", "template: up")})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_document")
    assert bad.json()["errors"][0]["line"] > 1
    taken = await manager.post(
        "/v1/cadences", json={"yaml": SMB.replace("segments: [smb]", "segments: [standard]")}
    )
    assert taken.status_code == 422
    assert "claimed by the published cadence short already" in taken.json()["errors"][0]["problem"]


async def test_of_two_who_write_the_next_version_the_second_is_told(manager: httpx.AsyncClient) -> None:
    await manager.post("/v1/cadences", json={"yaml": SMB})
    tag = {"If-Match": (await manager.get("/v1/cadences/smb")).headers["ETag"]}
    one = await manager.post(
        "/v1/cadences", json={"yaml": SMB.replace("title: ", "title: One ")}, headers=tag
    )
    two = await manager.post(
        "/v1/cadences", json={"yaml": SMB.replace("title: ", "title: Two ")}, headers=tag
    )
    assert (one.status_code, two.status_code, two.json()["code"]) == (200, 412, "precondition_failed")
    latest = (await manager.get("/v1/cadences/smb")).json()
    assert latest["document"]["title"].startswith("One")


async def test_a_preview_lays_the_steps_on_the_customers_calendar(manager: httpx.AsyncClient) -> None:
    await manager.post("/v1/cadences", json={"yaml": SMB})
    answer = await manager.get("/v1/cadences/smb/preview", params={"country": "BR", "due": "2026-04-15"})
    preview = answer.json()
    assert (preview["zone"], preview["language"]) == ("America/Sao_Paulo", "pt-BR")
    days = [datetime.fromisoformat(day["at"]) for day in preview["days"] if day["at"]]
    assert days == sorted(days)
    assert {day.utcoffset() for day in days} == {datetime.fromisoformat("2026-04-15T00:00-03:00").utcoffset()}
    assert (preview["days"][0]["to"], bool(preview["days"][0]["subject"])) == ("billing", True)


async def test_what_is_unknown_is_refused(api: Api, manager: httpx.AsyncClient) -> None:
    for address in ("/v1/cadences/none", "/v1/cadences/none/preview", "/v1/cadences/short/versions/9"):
        answer = await manager.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_cadence"), address
    for wanted in ({"country": "XX"}, {"country": "Brazil"}, {"due": "9999-12-31"}, {"language": "de"}):
        answer = await manager.get("/v1/cadences/short/preview", params=wanted)
        assert (answer.status_code, bool(answer.json()["detail"])) == (422, True), wanted
    assert (await api.client(Role.AGENT).post("/v1/cadences", json={"yaml": SMB})).status_code == 403
    assert (await manager.post("/v1/cadences", json={"yaml": "x" * 60_001})).status_code == 422
