"""Histories recorded by earlier versions of the workflow still replay: a deployment breaks no running invoice."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.workflow.lives import HISTORIES, LIVES
from workflows.converter import DATA_CONVERTER
from workflows.invoice import InvoiceWorkflow

RECORDED = sorted(HISTORIES.glob("*.json"))


def _replayer() -> Replayer:
    return Replayer(workflows=[InvoiceWorkflow], data_converter=DATA_CONVERTER)


def test_every_life_is_recorded() -> None:
    assert {file.stem for file in RECORDED} >= {life.__name__ for life in LIVES}


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    history = WorkflowHistory.from_json("invoice-7", file.read_text("utf-8"))
    await _replayer().replay_workflow(history)


async def test_a_history_of_another_order_of_commands_does_not_replay() -> None:
    text = (HISTORIES / "reminded_then_paid.json").read_text("utf-8")
    other = WorkflowHistory.from_json("invoice-7", text.replace('"send_email"', '"send_sms"'))
    with pytest.raises(NondeterminismError):
        await _replayer().replay_workflow(other)


def test_recorded_histories_hold_nothing_of_the_machine_that_made_them() -> None:
    for file in RECORDED:
        assert "/work/" not in file.read_text("utf-8")
