"""The sandbox as a command: it serves until it is told to stop, and says what it lacks."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.unit.channels.loopback import (
    ACCOUNT,
    NO_CERTIFICATES,
)


def _run_sandbox(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "channels.sandbox", *arguments]
    return subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path, unused_tcp_port: int) -> None:
    port = str(unused_tcp_port)
    arguments = ("--port", port, "--store", str(tmp_path / "s.jsonl"), "--receiver", "http://127.0.0.1:9")
    credentials = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "t", "SENDGRID_API_KEY": "k"}
    with _run_sandbox(*arguments, "--receipts", "held", **credentials) as process:
        health = _first_answer(f"http://127.0.0.1:{port}/sandbox/health")
        process.terminate()
        process.wait(10)
    assert health == {"status": "ok", "receipts": "held", "messages": 0, "receipts_owed": 0}


def _first_answer(url: str) -> Any:
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.get(url, trust_env=False, verify=NO_CERTIFICATES).json()
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_command_names_the_variable_it_lacks(tmp_path: Path) -> None:
    arguments = ("--port", "1", "--store", str(tmp_path / "s.jsonl"), "--receiver", "http://127.0.0.1:9")
    credentials = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "", "SENDGRID_API_KEY": "k"}
    with _run_sandbox(*arguments, **credentials) as process:
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "set TWILIO_AUTH_TOKEN in the environment" in stderr
