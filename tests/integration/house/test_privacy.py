"""Nothing of a person reaches Temporal or a log: not by what is sent, and not by an error that quotes it."""

import http.server
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from ledger.keys import workflow_id
from starter.histories import check_histories
from starter.logs import keep_words_out_of_logs
from starter.processes import free_port
from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor, bring, row, ruler

# As PostgreSQL speaks when a key is taken: with the value, in the message and in its detail.
QUOTING = """
CREATE FUNCTION quote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'no room for %', (SELECT string_agg(name || email || phone, ' ') FROM customer)
    USING DETAIL = (SELECT string_agg(phone || email, ' ') FROM customer);
END $$;
CREATE TRIGGER quoting BEFORE INSERT ON attempt EXECUTE FUNCTION quote();
"""


@pytest.fixture(autouse=True)
def logs_of_a_process() -> Iterator[None]:
    """Logs as every process of the house keeps them."""
    before = logging.getLogRecordFactory()
    keep_words_out_of_logs()
    yield
    logging.setLogRecordFactory(before)


class _QuotingProvider(http.server.BaseHTTPRequestHandler):
    """Answers every request with an error that repeats what it was sent, as Twilio's and SendGrid's do."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(400, f"cannot be sent: {asked}")

    def do_GET(self) -> None:
        self._answer(500, f"cannot be read: {self.path}")

    def _answer(self, status: int, message: str) -> None:
        told = {"message": message, "field": "personalizations.0.to", "help": None}
        body = json.dumps({"code": 21211, "message": message, "status": status, "errors": [told]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _quoting_provider() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), _QuotingProvider)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


async def _assert_says_nothing(house: House, debtor: Debtor, logged: str) -> None:
    """Neither histories, lists, descriptions nor logs hold a name, an address or a number."""
    assert [check.violations for check in await house.checks() if check.number == 5] == [()]
    described = (await house.workflow(debtor).describe()).raw_description.SerializeToString()
    for secret in (debtor.email, debtor.phone, debtor.phone[1:], debtor.name):
        assert secret.encode() not in described
        assert secret not in logged


async def test_a_providers_error_that_quotes_a_person_reaches_neither_history_nor_log(
    closed_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house = closed_house
    with _quoting_provider() as url:
        house.channels = house.channels.model_copy(update={"twilio_api_base_url": url, "sendgrid_host": url})
        async with house.relaying_outbox(), house.working():
            debtor = await bring(house.ledger, ruler("sms", "email"))
            await house.until_told(debtor, "message_rejected", "step_failed")
    assert set((await house.suppressed(debtor)).values()) == {"bad_address"}
    await _assert_says_nothing(house, debtor, caplog.text)


async def test_a_list_that_cannot_be_read_quotes_nobody(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given = row()
    await house.habit(given.phone, sms="silent")
    await house.fault("drop_response", given.phone)
    await house.fault("unreadable_list", given.phone, count=2)
    debtor = await bring(house.ledger, ruler("sms"), given)
    await house.until_told(debtor, "message_unknown")
    await house.skip_to_next(debtor)
    await house.until_accepted(debtor, 1)
    await _assert_says_nothing(house, debtor, caplog.text)


@pytest.mark.alters_database
async def test_a_database_error_that_quotes_a_person_reaches_neither_history_nor_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with house.ledger.engine.begin() as connection:
        await connection.execute(text(QUOTING))
    debtor = await bring(house.ledger)
    await house.until_failing(debtor, "send_email")
    assert "ProgrammingError" in caplog.text  # what happened can still be told
    await _assert_says_nothing(house, debtor, caplog.text)
    async with house.ledger.engine.begin() as connection:
        await connection.execute(text("DROP TRIGGER quoting ON attempt"))
    await house.until_accepted(debtor, 1)
    await house.pay(debtor)
    await house.until_closed(debtor)
    await _assert_says_nothing(house, debtor, caplog.text)


async def test_a_life_with_every_signal_and_reply_leaves_no_person_in_temporal(house: House) -> None:
    debtor = await bring(house.ledger, ruler("sms"))
    await house.until_accepted(debtor, 1)
    await house.reply(debtor, f"I, {debtor.name}, have paid; write to {debtor.email}")
    for name in ("pause", "pause_customer", "merge_customer", "dispute_opened", "cancel"):
        await house.signal(debtor, name, id="s1", reason=f"{debtor.name} says so")
    await house.until_closed(debtor, "cancelled")
    needles = {debtor.email, debtor.phone}
    found = await check_histories(house.client, house.settings.task_queue, needles)
    assert found.ok
    # Every run of its workflow: by so many signals, told one by one, it may have continued as new.
    workflow = workflow_id(debtor.id)
    runs = [run.id async for run in house.client.list_workflows(f"WorkflowId = '{workflow}'")]
    assert found.checked == len(runs) >= 1


async def test_the_search_would_find_a_person_who_was_there(house: House) -> None:
    debtor = await bring(house.ledger)
    await house.until_accepted(debtor, 1)
    found = await check_histories(house.client, house.settings.task_queue, {f"Invoice {debtor.id}"})
    assert not found.ok
