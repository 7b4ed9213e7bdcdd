"""Webhooks in, from the answer to the ledger: the sandbox's own signed callbacks, payments, and their repetitions."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from channels.rails.configured import rails
from channels.settings import ChannelSettings
from ledger.access import Ledger
from ledger.attempts import Result
from ledger.database import connect
from ledger.inbox import Lane
from ledger.queries import messages, show_invoice
from ledger.sending import Permit, conclude
from ledger.service_tables import inbox
from starter.api.app import api_app
from starter.api.service import Service
from starter.embedded import free_port
from starter.inbox import Processor, drain_inbox
from tests.integration.api.conftest import Api
from tests.integration.api.hooks import BY_NAME, environment, sendgrid_body
from tests.integration.api.processing import deliveries, process
from tests.integration.ledger.playing import (
    COURTESY_AT,
    CREDITOR,
    permitted,
    row,
    send,
    take_in,
)


@pytest.fixture
def channels() -> ChannelSettings:
    """Every rail on, with secrets of the test's own; nobody answers at the provider that has to be asked."""
    return ChannelSettings.model_validate(environment(f"http://127.0.0.1:{free_port()}"))


@pytest.fixture
def processor(api: Api, channels: ChannelSettings) -> Processor:
    """What the relay's process has to process webhooks with."""
    return Processor(api.ledger, rails(channels))


async def hasten(ledger: Ledger) -> None:
    """Spare the test the rest before the next try."""
    async with ledger.engine.begin() as connection:
        await connection.execute(inbox.update().values(due_at=datetime.now(UTC) - timedelta(seconds=1)))


async def outcomes(ledger: Ledger) -> list[str | None]:
    async with ledger.engine.connect() as connection:
        return list((await connection.execute(select(inbox.c.outcome).order_by(inbox.c.id))).scalars())


async def tell(api: Api, name: str, **told: Any) -> httpx.Response:
    """A signed webhook, sent as its sender would."""
    signed = BY_NAME[name].signed(datetime.now(UTC), **told)
    answer = await api.anonymous.post(signed.path, content=signed.body, headers=dict(signed.headers))
    assert answer.is_success, answer.text
    return answer


async def suppressed(ledger: Ledger, number: str = "INV-1") -> dict[str, str]:
    return (await show_invoice(ledger.engine, number)).customer.suppressed


def about(granted: Permit, **more: Any) -> dict[str, Any]:
    """What SendGrid says of a message of ours."""
    return {"attempt_id": granted.attempt_id, "sg_message_id": "m-1.recvd-1"} | more


async def test_receipts_in_any_order_and_number_leave_the_furthest_that_was_reached(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    granted = await send(ledger, invoice_id, COURTESY_AT, provider_id="m-1")
    for number, event in ((3, "open"), (2, "delivered"), (1, "processed"), (2, "delivered"), (3, "open")):
        await tell(api, "sendgrid", **about(granted, event=event, sg_event_id=f"e-{number}"))
        await process(processor)
    assert await deliveries(ledger) == {"email": "read"}
    # That the provider took it is what its own answer said.
    assert await outcomes(ledger) == ["new", "new", "known"]


async def test_the_receipts_of_one_post_are_all_kept_and_told(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    granted = await send(ledger, invoice_id, COURTESY_AT, provider_id="m-1")
    for number in range(120):  # more than one batch
        await tell(api, "sendgrid", **about(granted, event="open", sg_event_id=f"o-{number}"))
    await tell(api, "sendgrid", **about(granted, event="delivered", sg_event_id="e-1"))
    await process(processor)
    assert await outcomes(ledger) == ["new"] * 121
    assert await deliveries(ledger) == {"email": "read"}


async def test_a_receipt_before_its_message_waits_for_it(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    granted = await permitted(ledger, invoice_id, COURTESY_AT)
    # By the provider's own id alone, which the ledger does not know yet.
    await tell(api, "sendgrid", sg_message_id="m-9.recvd-1")
    await process(processor)
    assert (await outcomes(ledger), await deliveries(ledger)) == (["unknown"], {"email": None})
    await conclude(ledger, granted, Result("accepted", provider_id="m-9"), COURTESY_AT)
    await hasten(ledger)
    await process(processor)
    assert (await outcomes(ledger), await deliveries(ledger)) == (["new"], {"email": "delivered"})


async def test_a_receipt_about_somebody_elses_message_changes_nothing_and_is_let_go_after_an_hour(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    await tell(api, "twilio")
    await process(processor)
    assert await messages(ledger.engine) == []
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    async with ledger.engine.begin() as connection:
        await connection.execute(inbox.update().values(received_at=long_ago, due_at=long_ago))
    await process(processor)
    assert await outcomes(ledger) == ["not_ours"]


async def test_one_receipt_that_cannot_be_processed_holds_up_no_other(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    granted = await send(ledger, invoice_id, COURTESY_AT, provider_id="m-1")
    await tell(api, "sendgrid", sg_message_id="\x00\ud800", sg_event_id="bad")
    await tell(api, "sendgrid", **about(granted, sg_event_id="good"))
    await process(processor)
    bad, good = await outcomes(ledger)
    assert good == "new"
    assert bad is not None
    assert bad.startswith("failed_")


async def test_a_reply_that_says_stop_silences_the_channel_however_many_receipts_wait(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    await tell(api, "twilio")
    await tell(api, "twilio-reply", Body="SAIR")
    assert await drain_inbox(processor, Lane.REPLIES) == 1
    assert await suppressed(ledger) == {"sms": "opt_out"}
    assert await outcomes(ledger) == [None, "new"]


async def test_a_reply_that_twilio_tells_twice_is_one_reply(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    for _ in range(2):
        answer = await tell(api, "twilio-reply", Body="Good morning")
        assert answer.text == "<Response/>"
        await process(processor)
    assert len((await show_invoice(ledger.engine, "INV-1")).replies) == 1


async def test_a_signed_payment_closes_the_invoice_once(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    for expected in ("accepted", "known"):
        answer = await tell(api, "payment")
        assert (answer.status_code, answer.json()) == (202, {"status": expected})
        await process(processor)
    story = await show_invoice(ledger.engine, "INV-1")
    assert (story.invoice.state, str(story.invoice.balance)) == ("paid", "0.00")


async def test_a_payment_told_again_as_another_webhook_counts_once(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    await take_in(ledger, row())
    for name in ("msg-1", "msg-2"):
        assert (await tell(api, "payment", webhook_id=name, amount="20.50")).json() == {"status": "accepted"}
        await process(processor)
    assert await outcomes(ledger) == ["recorded", "known"]
    assert str((await show_invoice(ledger.engine, "INV-1")).invoice.balance) == "100.00"


async def test_a_reversal_before_its_payment_waits_for_it(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    await take_in(ledger, row(currency="BRL"))
    now = datetime.now(UTC).isoformat()
    paid = {"endToEndId": "E" + "1" * 31, "valor": "120.50", "horario": now, "infoPagador": "INV-1"}
    back = {"id": "D1", "valor": "120.50", "status": "DEVOLVIDO", "horario": {"solicitacao": now}}
    await tell(api, "pix", pix=[paid | {"devolucoes": [back]}])
    async with ledger.engine.begin() as connection:  # as if the payment itself were told later
        payment = inbox.c.external_id == paid["endToEndId"]
        later = datetime.now(UTC) + timedelta(hours=1)
        await connection.execute(inbox.update().where(payment).values(due_at=later))
    await process(processor)
    assert sorted(map(str, await outcomes(ledger))) == ["None", "before_its_payment"]
    for _ in range(2):
        await hasten(ledger)
        await process(processor)
    assert await outcomes(ledger) == ["recorded", "recorded"]
    story = await show_invoice(ledger.engine, "INV-1")
    assert str(story.invoice.balance) == "120.50"


async def test_a_provider_that_cannot_be_asked_now_is_asked_again(
    api: Api, processor: Processor, ledger: Ledger
) -> None:
    await tell(api, "mercadopago")
    await process(processor)
    async with ledger.engine.connect() as connection:
        waits = (await connection.execute(select(inbox))).mappings().one()
    assert (waits["outcome"], waits["processed_at"], waits["tries"]) == ("away_ConnectError", None, 1)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": 120.5001}, "EUR has 2 decimals at most"),
        ({"amount": "a lot"}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"paid_at": "2026-03-05T12:00:00"}, "paid_at"),
        ({"paid_at": "2126-03-05T12:00:00Z"}, "lies in the future"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"method": "<script>"}, "method"),
        ({"invoice": "A\u0000B"}, "invoice"),
    ],
)
async def test_a_payment_that_makes_no_sense_is_a_problem_with_its_field(
    api: Api, fields: dict[str, Any], expected: str
) -> None:
    signed = BY_NAME["payment"].signed(datetime.now(UTC), **fields)
    answer = await api.anonymous.post(signed.path, content=signed.body, headers=dict(signed.headers))
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "malformed"
    assert expected in answer.json()["detail"]
    assert await outcomes(api.ledger) == []


async def test_a_signed_reply_without_a_sender_is_malformed(api: Api) -> None:
    signed = BY_NAME["twilio-reply"].signed(datetime.now(UTC), From="")
    answer = await api.anonymous.post(signed.path, content=signed.body, headers=dict(signed.headers))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert "From" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{"a": 1}, 7, "[" * 5000])
async def test_signed_events_that_are_no_list_are_malformed(api: Api, body: object) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    signed = sendgrid_body(text.encode(), datetime.now(UTC))
    answer = await api.anonymous.post(signed.path, content=signed.body, headers=dict(signed.headers))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_following_the_unsubscribe_link_changes_nothing_and_its_button_stops_the_channel(
    api: Api, ledger: Ledger
) -> None:
    invoice_id = (await take_in(ledger, row()))[0]
    reference = (await send(ledger, invoice_id, COURTESY_AT, provider_id="p-1")).reference
    address = f"/unsubscribe?m={reference}"
    page = await api.anonymous.get(address, headers={"Accept-Language": "pt-PT,en;q=0.5"})
    assert page.status_code == 200
    assert "Pretende deixar de receber" in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'; form-action 'self'"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert await suppressed(ledger) == {}
    done = await api.anonymous.post(address, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    assert await suppressed(ledger) == {"email": "opt_out"}


async def test_an_unsubscribe_link_that_leads_nowhere_says_so(api: Api) -> None:
    for reference in ("", "NOBODYS1", "<script>", "x" * 500):
        answer = await api.anonymous.post("/unsubscribe", params={"m": reference})
        assert answer.status_code == 404
        assert "<script>" not in answer.text
        assert "not valid" in answer.text


async def test_a_ledger_that_is_away_asks_the_sender_to_come_again(service: Service) -> None:
    engine = connect(f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none")
    app = api_app(replace(service, ledger=Ledger(engine, CREDITOR)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        signed = BY_NAME["payment"].signed(datetime.now(UTC))
        answer = await client.post(signed.path, content=signed.body, headers=dict(signed.headers))
    await engine.dispose()
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "secret" not in answer.text
