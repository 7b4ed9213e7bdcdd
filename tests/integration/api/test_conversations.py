"""Conversations over HTTP: read page by page, and answered by those who may."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cadence.words import Channel
from ledger.conversations import IncomingReply, record_reply
from starter.api.roles import Role
from tests.integration.api.conftest import Api
from tests.integration.ledger.playing import row, take_in

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)  # a Thursday, with the customer's window open
HOUR = timedelta(hours=1)
PHONE = "+351900000123"
ANSWERS = "/v1/conversations/C%2F1/answers"
ORDER = {"invoice": "2026/0001", "channel": "sms", "text": "We found your payment."}


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: NOON


async def write(api: Api, name: str, at: datetime, intent: str = "other", sender: str = PHONE) -> None:
    reply = IncomingReply(Channel.SMS, "twilio", name, sender, f"text {name}", at, intent)
    await record_reply(api.ledger, reply, at)


async def test_an_agent_reads_a_conversation_and_answers_it(api: Api) -> None:
    await take_in(api.ledger, row("2026/0001", "C/1"))
    await write(api, "R-1", NOON - HOUR, "paid")
    agent = api.client(Role.AGENT)

    (line,) = (await agent.get("/v1/conversations")).json()["items"]
    assert (line["customer"], line["waiting"], line["intent"], line["text"]) == (
        "C/1",
        True,
        "paid",
        "text R-1",
    )
    told = await agent.post(ANSWERS, json=ORDER)
    assert (told.status_code, told.json()) == (
        201,
        {
            "invoice": "2026/0001",
            "number": 1,
            "channel": "sms",
            "to": "billing",
            "leaves_at": "2026-03-12T12:00:00Z",
        },
    )
    read = (await agent.get("/v1/conversations/C%2F1")).json()
    assert [(each["who"], each["text"], each["by"]) for each in read["said"]] == [
        ("customer", "text R-1", None),
        ("agent", "We found your payment.", "token/agent"),
    ]
    (line,) = (await agent.get("/v1/conversations")).json()["items"]
    assert line["waiting"] is False


async def test_who_may_only_look_reads_and_does_not_answer(api: Api) -> None:
    await take_in(api.ledger, row("2026/0001", "C/1"))
    viewer = api.client(Role.VIEWER)
    assert (await viewer.get("/v1/conversations/C%2F1")).status_code == 200
    assert (await viewer.post(ANSWERS, json=ORDER)).status_code == 403


async def test_an_answer_named_by_a_key_is_written_once(api: Api) -> None:
    await take_in(api.ledger, row("2026/0001", "C/1"))
    key = {"Idempotency-Key": "answer-1"}
    told = [await api.client(Role.AGENT).post(ANSWERS, json=ORDER, headers=key) for _ in range(2)]
    assert [each.json()["number"] for each in told] == [1, 1]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"channel": "whatsapp"}, 409, "channel_closed"),
        ({"channel": "email"}, 422, "invalid_request"),
        ({"invoice": "2026/0002"}, 404, "unknown_invoice"),
        ({"invoice": "2026/0003"}, 404, "unknown_invoice_of_customer"),
        ({"text": "x" * 400}, 422, None),
        ({"text": " \n "}, 422, None),
        ({"text": "x" * 1_001}, 422, "invalid_request"),
        ({"text": "a\u202eb"}, 422, None),
        ({"subject": "hello"}, 422, "invalid_request"),
    ],
)
async def test_an_answer_that_cannot_be_sent_is_refused_at_once(
    api: Api, changes: dict[str, str], status: int, code: str | None
) -> None:
    await take_in(api.ledger, row("2026/0001", "C/1"), row("2026/0003", "C/2", phone="+351900000777"))
    refused = await api.client(Role.AGENT).post(ANSWERS, json=ORDER | changes)
    assert refused.status_code == status
    assert code in (None, refused.json()["code"])
    assert PHONE not in refused.text


async def test_whatsapp_is_refused_once_its_day_is_over(api: Api) -> None:
    await take_in(api.ledger, row("2026/0001", "C/1", whatsapp=PHONE))
    refused = await api.client(Role.AGENT).post(ANSWERS, json=ORDER | {"channel": "whatsapp"})
    assert (refused.status_code, refused.json()["code"]) == (409, "whatsapp_window_closed")


async def test_conversations_are_read_page_by_page(api: Api) -> None:
    for hour in range(5):
        await write(api, f"R-{hour}", NOON - hour * HOUR, sender=f"+35190000099{hour}")
    agent, seen, cursor = api.client(Role.AGENT), [], ""
    while True:
        page = (await agent.get(f"/v1/conversations?limit=2&unknown=true{cursor}")).json()
        seen += [line["sender"][-1] for line in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ["0", "1", "2", "3", "4"]
    assert (await agent.get("/v1/conversations?cursor=nonsense")).json()["code"] == "bad_cursor"


async def test_a_conversation_with_nobody_known_is_none(api: Api) -> None:
    assert (await api.client(Role.AGENT).get("/v1/conversations/C-9")).json()["code"] == "unknown_customer"
