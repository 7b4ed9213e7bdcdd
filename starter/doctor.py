"""The doctor: says whether everything Régua rests on is there and agrees, and puts right what a crash left."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from sqlalchemy.exc import DBAPIError
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from channels.settings import SettingsError, is_private
from ledger import schema
from ledger.access import Ledger
from ledger.checks import Accepted, Check, check_invariants, personal_needles
from ledger.halting import halts
from ledger.inbox import stuck
from ledger.keys import workflow_id
from ledger.outbox import waiting
from ledger.publishing import published
from ledger.queries import numbers, totals
from ledger.repair import overdue, stale_calls
from ledger.unmatched import count_waiting
from starter.accepted import accepted_by
from starter.embedded import SEARCH_ATTRIBUTES
from starter.histories import check_histories
from starter.printing import counted
from starter.relay import drain
from starter.settings import Settings
from starter.sweep import GRACE, sweep, without_workflow
from starter.temporal import Unreachable, connect_temporal

# A relay that runs needs a second; what waits a minute waits for somebody.
LAG = timedelta(minutes=1)
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `detail` is a sentence, with what to do where it is not `ok`."""

    name: str
    ok: bool
    detail: str


async def examine(ledger: Ledger, settings: Settings, now: datetime) -> list[Finding]:
    """Look at every part; what cannot be reached is a finding, and what rests on it is left out."""
    findings = [await _tables(settings)]
    if findings[0].ok:
        findings += [await look(ledger, now) for look in _LEDGER]
    try:
        client = await connect_temporal()
        findings.append(await _search_attributes(client))
        if findings[0].ok:
            findings.append(await _workflows(ledger, client, settings))
    except (SettingsError, Unreachable) as error:
        findings.append(Finding("temporal", False, str(error).rstrip(".")))
    except RPCError as error:
        # The client's own words name the namespace that it asked for, and no data.
        findings.append(Finding("temporal", False, f"Temporal refuses: {error}; check TEMPORAL_NAMESPACE"))
    return findings


async def _tables(settings: Settings) -> Finding:
    try:
        found = await asyncio.to_thread(schema.current, settings.database_url)
    except DBAPIError:
        return Finding("postgresql", False, "PostgreSQL does not answer; start it, or check DATABASE_URL")
    if found != schema.head():
        detail = (
            f"the tables are at {found or 'nothing'}, this version needs {schema.head()}; run `regua migrate`"
        )
        return Finding("postgresql", False, detail)
    return Finding("postgresql", True, f"PostgreSQL answers, its tables are at {found}")


async def _cadences(ledger: Ledger, _now: datetime) -> Finding:
    names = [f"{each.cadence.name} {each.version}" for each in await published(ledger.engine) if each.latest]
    if not names:
        return Finding("cadences", False, "no cadence is published; run `regua cadence publish`")
    return Finding("cadences", True, f"published: {', '.join(names)}")


async def _outbox(ledger: Ledger, now: datetime) -> Finding:
    count, oldest = await waiting(ledger.engine)
    if oldest is not None and now - oldest > LAG:
        seconds = int((now - oldest).total_seconds())
        detail = (
            f"{counted(count, 'word')} to be relayed, the oldest for {seconds} s; is `regua relay` running?"
        )
        return Finding("outbox", False, detail)
    return Finding("outbox", True, f"{counted(count, 'word')} to be relayed")


async def _inbox(ledger: Ledger, now: datetime) -> Finding:
    found = await stuck(ledger.engine, now - LAG)
    again = f"; tried again: {_tally(found.again)}" if found.again else ""
    if found.untried:
        detail = f"{counted(found.untried, 'webhook')} to be processed for over a minute; is `regua relay` running?"
    elif found.given_up:
        detail = f"given up after three days, and kept for a week: {_tally(found.given_up)}; its log names the reason"
    else:
        return Finding("inbox", True, "every webhook is processed" + again)
    return Finding("inbox", False, detail + again)


def _tally(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in counts.items())


async def _unmatched(ledger: Ledger, now: datetime) -> Finding:
    count, oldest = await count_waiting(ledger.engine)
    if oldest is None:
        return Finding("unmatched", True, "no money waits for its invoice")
    days = max((now - oldest).days, 0)
    since = f"the oldest for {counted(days, 'day')}; `regua unmatched` lists them"
    return Finding("unmatched", True, f"{counted(count, 'payment')} without an invoice, {since}")


async def _late(ledger: Ledger, now: datetime) -> Finding:
    late = await overdue(ledger.engine, now, GRACE)
    if late:
        shown = await _shown(ledger, late)
        detail = f"{counted(len(late), 'invoice')} ({shown}) should have been acted on over ten minutes ago; is `regua worker` running?"
        return Finding("agenda", False, detail)
    return Finding("agenda", True, "nothing that fell due is late")


async def _halts(ledger: Ledger, _now: datetime) -> Finding:
    found = [
        f"{'everything' if each.scope == 'all' else f'{each.scope} {each.value}'} ({each.reason})"
        for each in await halts(ledger.engine)
    ]
    return Finding(
        "halts",
        True,
        f"halted: {', '.join(found)}; `regua unhalt` lifts one" if found else "nothing is halted",
    )


async def _contents(ledger: Ledger, _now: datetime) -> Finding:
    held = await totals(ledger.engine)
    invoices = ", ".join(f"{count} {state}" for state, count in held.invoices.items()) or "none"
    cases = ", ".join(f"{count} in {queue}" for queue, count in held.cases.items()) or "none"
    return Finding("contents", True, f"invoices: {invoices}; open cases: {cases}")


_LEDGER: tuple[Callable[[Ledger, datetime], Awaitable[Finding]], ...] = (
    _cadences, _inbox, _unmatched, _outbox, _late, _halts, _contents,
)  # fmt: skip


async def _search_attributes(client: Client) -> Finding:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    missing = [name for name in SEARCH_ATTRIBUTES if name not in known]
    if missing:
        create = " ".join(f"--name {name}" for name in missing)
        detail = (
            f"the namespace {client.namespace} lacks search attributes; run "
            f"`temporal operator search-attribute create --type Keyword {create}`"
        )
        return Finding("temporal", False, detail)
    return Finding(
        "temporal", True, f"Temporal answers, the namespace {client.namespace} knows our search attributes"
    )


async def _workflows(ledger: Ledger, client: Client, settings: Settings) -> Finding:
    missing = await without_workflow(ledger, client, settings.task_queue)
    # What the outbox still holds is not missing but on its way.
    if missing and (await waiting(ledger.engine))[0] == 0:
        shown = await _shown(ledger, missing)
        detail = f"no workflow keeps time for {counted(len(missing), 'open invoice')} ({shown}); run `regua doctor --repair`"
        return Finding("workflows", False, detail)
    return Finding("workflows", True, "every open invoice has its workflow, or is about to")


async def _shown(ledger: Ledger, invoice_ids: Sequence[int]) -> str:
    """Some of the invoices by the creditor's number and their workflow's id."""
    some = invoice_ids[:SHOWN]
    named = zip(await numbers(ledger.engine, some), map(workflow_id, some), strict=True)
    more = f", and {len(invoice_ids) - SHOWN} more" if len(invoice_ids) > SHOWN else ""
    return ", ".join(f"{number} is {workflow}" for number, workflow in named) + more


async def repair(ledger: Ledger, settings: Settings, now: datetime) -> list[Finding]:
    """Do at once what the relay's sweep does: settle calls nobody finished, relay, tell late and missing workflows."""
    client = await connect_temporal()
    settled = await stale_calls(ledger, now)
    relayed = 0
    while told := await drain(ledger, client, settings.task_queue):
        relayed += told
    swept = await sweep(ledger, client, settings.task_queue, now)
    detail = (
        f"{counted(settled, 'lost call')} settled as unknown, {counted(relayed, 'word')} relayed, "
        f"{counted(swept, 'workflow')} told or started"
    )
    return [Finding("repair", True, detail)]


async def invariants(ledger: Ledger, settings: Settings, now: datetime) -> list[Check]:
    """Check the design's invariants over the ledger, the sandbox's own list where one is used, and Temporal."""
    checks = await check_invariants(ledger.engine, ledger.book, now, await _accepted())
    client = await connect_temporal()
    histories = await check_histories(client, settings.task_queue, await personal_needles(ledger.engine))
    return sorted([*checks, histories], key=lambda check: check.number)


async def _accepted() -> list[Accepted] | None:
    """What the sandbox says it accepted; None where the provider is a real one."""
    url = os.environ.get("TWILIO_API_BASE_URL", "")
    if not url or not is_private(url):
        return None
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as sandbox:
        try:
            return await accepted_by(sandbox)
        except httpx.HTTPError:
            raise SettingsError(f"TWILIO_API_BASE_URL: the sandbox at {url} does not answer.") from None
