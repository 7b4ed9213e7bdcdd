"""Histories recorded by earlier versions of the workflow still replay: a deployment breaks no running invoice."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.workflow.lives import HISTORIES, LIVES
from workflows.converter import DATA_CONVERTER
from workflows.invoice import InvoiceWorkflow
from workflows.webhooks import WebhookEndpointWorkflow

RECORDED = sorted(HISTORIES.glob("*.json"))


def _text(file: Path) -> str:
    return file.read_text("utf-8")


def _replayer() -> Replayer:
    return Replayer(workflows=[InvoiceWorkflow, WebhookEndpointWorkflow], data_converter=DATA_CONVERTER)


def test_every_life_is_recorded() -> None:
    assert {file.stem for file in RECORDED} >= {life.__name__ for life in LIVES}


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    history = WorkflowHistory.from_json("invoice-7", _text(file))
    await _replayer().replay_workflow(history)


async def test_a_history_of_another_order_of_commands_does_not_replay() -> None:
    file = next(file for file in RECORDED if file.stem == "reminded_then_paid")
    changed = _text(file).replace('"send_email"', '"send_sms"')
    other = WorkflowHistory.from_json("invoice-7", changed)
    with pytest.raises(NondeterminismError):
        await _replayer().replay_workflow(other)


def test_recorded_histories_hold_nothing_of_the_machine_that_made_them() -> None:
    for file in RECORDED:
        assert str(Path.cwd()) not in _text(file)
