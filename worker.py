"""The worker: settings, connections, one queue per channel, and everything registered."""

import gc

# Objects made before the collector looks for cycles. Python's 700 make it look through all waiting workflows again and
# again, for a twentieth of what a step costs; and through what is being loaded, for a fifth of the time to begin.
GARBAGE = 20_000
gc.set_threshold(GARBAGE)

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
import uvloop
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from activities.clock import Clock, LaneClock, ServerClock
from activities.performing import Performing
from activities.recording import Recording
from activities.sending import Sending
from activities.webhooks import Announcing
from channels.email import SendGridEmail
from channels.settings import ChannelSettings, SettingsError
from channels.settings import load_settings as load_channel_settings
from channels.sms import TwilioSms
from channels.webhooks import WebhookPoster
from channels.whatsapp import TwilioWhatsApp
from ledger.access import Ledger
from starter.complaints import complaint
from starter.interest import regimes_in
from starter.leaving import leave
from starter.logs import begin_logging
from starter.settings import Settings, load_settings, open_ledger
from starter.temporal import connect_temporal
from workflows.invoice import InvoiceWorkflow
from workflows.webhooks import QUEUE as WEBHOOKS_QUEUE
from workflows.webhooks import WebhookEndpointWorkflow

log = structlog.get_logger()


# Activities of one queue, as many as the ledger keeps connections for. More would wait inside, where one that waits for
# a connection can be passed by others for as long as an attempt may take; and a receipt that overtakes an answer which
# waits to be recorded costs the workflow a signal. At a provider's 0.2 s this is still above the usual rates.
AT_ONCE = 10

# A send in flight is let finish: cancelled, its fate would be unknown and a person would have to look.
GRACE = timedelta(seconds=30)


def workers(
    client: Client, ledger: Ledger, settings: Settings, channels: ChannelSettings
) -> Sequence[Worker]:
    """The workers of one process: one for workflows and the ledger's items, one for each channel, one for webhooks."""
    clock: Clock = LaneClock(ledger) if settings.rehearsal_shift_seconds is not None else ServerClock()
    email, sms, whatsapp = SendGridEmail(channels), TwilioSms(channels), TwilioWhatsApp(channels)
    sending = Sending(ledger, clock, channels.public_url, email, sms, whatsapp)
    performing = Performing(ledger, clock, sms, whatsapp)
    recording = Recording(ledger, regimes_in(settings.policies_dir))
    return (
        _keeper(client, settings, performing, recording),
        _announcer(client, ledger, settings),
        _sender(client, settings.task_queue + "-email", sending.send_email, settings.emails_per_second),
        _sender(client, settings.task_queue + "-sms", sending.send_sms, settings.sms_per_second),
        _sender(
            client, settings.task_queue + "-whatsapp", sending.send_whatsapp, settings.whatsapps_per_second
        ),
    )


def _keeper(client: Client, settings: Settings, performing: Performing, recording: Recording) -> Worker:
    """Keeps time for every workflow, and performs what is no message."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[InvoiceWorkflow, WebhookEndpointWorkflow],
        # The sandbox tells of what would not replay: it does so in tests/workflow. Here it would only cost.
        workflow_runner=UnsandboxedWorkflowRunner(),
        activities=[
            performing.open_case,
            performing.check_promise,
            performing.check_dispute,
            performing.check_instalment,
            performing.ask_approval,
            performing.remind_approval,
            performing.time_out_approval,
            performing.end_hold,
            performing.hand_over,
            performing.write_off,
            performing.reconcile_message,
            recording.record_signals,
        ],
        max_concurrent_activities=AT_ONCE,
        max_cached_workflows=settings.max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_timeout_seconds),
        graceful_shutdown_timeout=GRACE,
        deployment_config=_deployment(settings.worker_build_id),
    )


def _sender(client: Client, task_queue: str, send: Callable[..., Any], rate: float) -> Worker:
    """Sends by one channel, on its queue, at most `rate` messages a second over all workers (0: no limit)."""
    return Worker(
        client,
        task_queue=task_queue,
        activities=[send],
        max_concurrent_activities=AT_ONCE,
        # The server keeps the rate over all workers; eager activities would go round it.
        max_task_queue_activities_per_second=rate or None,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=GRACE,
        deployment_config=_deployment(),
    )


def _announcer(client: Client, ledger: Ledger, settings: Settings) -> Worker:
    """On a queue of its own: endpoints of others that are slow take no slot of a send."""
    poster = WebhookPoster(private_too=settings.webhooks_to_private_networks)
    return Worker(
        client,
        task_queue=settings.task_queue + WEBHOOKS_QUEUE,
        activities=[Announcing(ledger, poster).deliver_webhooks],
        max_concurrent_activities=AT_ONCE,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=GRACE,
        deployment_config=_deployment(),
    )


def _deployment(build: str | None = None) -> WorkerDeploymentConfig:
    """Versioning is on only where a build is named: a versioned worker with no current version gets no tasks.

    Without one the release stands for it: the SDK would read every module that is loaded to make a name up. That
    goes for workers without workflows too, which are never versioned.
    """
    versioned = build is not None
    behaviour = VersioningBehavior.AUTO_UPGRADE if versioned else VersioningBehavior.UNSPECIFIED
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion("regua", build or version("regua")),
        use_worker_versioning=versioned,
        default_versioning_behavior=behaviour,
    )


async def run() -> None:
    """Work until told to stop, then let what is under way finish."""
    begin_logging()
    settings, channels = load_settings(), load_channel_settings()
    ledger = open_ledger(settings)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=64))
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    client = await connect_temporal(metrics_address=settings.metrics_address)
    team = workers(client, ledger, settings, channels)
    working = [asyncio.create_task(worker.run()) for worker in team]
    # What is loaded by now stays, and need not be looked through either.
    gc.freeze()
    log.info("worker_ready", task_queue=settings.task_queue)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*working, stopping], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*(worker.shutdown() for worker in team))
    await _finished(working)
    await ledger.engine.dispose()
    log.info("worker_stopped")


async def _finished(working: Sequence[asyncio.Task[None]]) -> None:
    try:
        await asyncio.gather(*working)
    except RuntimeError as error:
        # How the SDK says that the server has no such namespace; after the first sentence come the wire's details.
        said = str(error).partition(": Status {")[0]
        raise SettingsError(f"Temporal takes no work from here: {said}; check TEMPORAL_NAMESPACE.") from error


def main() -> None:
    """Entry point of the worker's process: what stops it is said in a sentence, as by every command."""
    status = 0
    try:
        uvloop.run(run())
    except Exception as error:  # noqa: BLE001 - the outermost frame: nobody is shown a traceback
        text, status = complaint(error)
        sys.stderr.write(f"regua: {text}\n")
    leave(status)


if __name__ == "__main__":
    main()
