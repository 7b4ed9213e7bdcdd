"""Two customers made one at the command line: what would move is shown first, and there is no way back."""

from pathlib import Path

import pytest

from ledger.access import Ledger
from ledger.publishing import publish
from tests.integration.engines import engine_on
from tests.integration.ledger.playing import ARRIVAL, CREDITOR, row, ruler, take_in
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
MERGE = ("merge-customer", "C-1", "C-2", "--reason", "duplicate")


@pytest.fixture
async def terminal(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    ledger = Ledger(engine_on(database_url, 2), CREDITOR)
    await publish(ledger.engine, ruler(), ARRIVAL)
    await publish(ledger.engine, ruler(name="key", segments=["key"]), ARRIVAL)
    await take_in(ledger, row("INV-1"), row("INV-2", "C-2"))
    await ledger.engine.dispose()
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CREDITOR_FILE", str(ROOT / "creditor.yaml"))
    monkeypatch.setenv("POLICIES_DIR", str(ROOT / "policies"))
    monkeypatch.setenv("REGUA_ACTOR", "ana")
    return Terminal(capsys)


async def test_a_preview_shows_what_would_move_and_moves_nothing(terminal: Terminal) -> None:
    await terminal.done("suppress", "--customer", "C-1", "--channel", "sms", "--reason", "opt_out")
    said = (await terminal.done(*MERGE, "--preview")).out
    assert said.startswith(
        "C-1 into C-2 would move 1 open invoice, 0 closed invoices, 0 contacts and 0 messages"
    )
    assert "open: INV-1\n" in said
    assert "C-2 would be told as well: channel suppressed" in said
    assert said.endswith("A merge cannot be undone.\n")
    assert (await terminal.done(*MERGE, "--preview", "--json")).json["open_invoices"] == ["INV-1"]
    assert (await terminal.done("show", "INV-1", "--json")).json["customer"]["key"] == "C-1"


async def test_a_preview_names_the_segment_that_a_person_gave_and_that_ends(terminal: Terminal) -> None:
    assert "by hand" not in (await terminal.done(*MERGE, "--preview")).out
    await terminal.done("segments", "set", "C-1", "key", "--reason", "boss_says")
    said = (await terminal.done(*MERGE, "--preview")).out
    assert "C-1 was given the segment key by hand, and C-2 stays in standard" in said


async def test_a_merge_is_told_once_and_the_story_says_so(terminal: Terminal) -> None:
    said = (await terminal.done(*MERGE, "--note", "same tax number")).out
    assert said == (
        "C-1 is merged into C-2: 1 open invoice, 0 closed invoices, 0 contacts and 0 messages of theirs moved. "
        "C-1 names C-2 from now on.\n"
    )
    assert (await terminal.done(*MERGE)).out == "C-1 was merged into C-2 before; nothing changes.\n"
    shown = (await terminal.done("show", "INV-1")).out
    assert "customer C-2" in shown
    assert "invoice moved" in shown
    assert "same tax number" in shown
    assert "merged into them: C-1" in (await terminal.done("customer", "C-1")).out
    held = await terminal.done("pause", "--customer", "C-1")
    assert "C-1" in held.out
    assert (await terminal.done("show", "INV-2", "--json")).json["invoice"]["state"] == "on_hold"


async def test_what_cannot_be_merged_is_refused_with_a_sentence(terminal: Terminal) -> None:
    itself = await terminal.refused("merge-customer", "C-1", "C-1", "--reason", "duplicate")
    assert "cannot be merged into itself" in itself
    assert "no customer 'C-9'" in await terminal.refused(
        "merge-customer", "C-9", "C-2", "--reason", "duplicate"
    )
    assert "is no code" in await terminal.refused("merge-customer", "C-1", "C-2", "--reason", "Same person!")
    await terminal.done(*MERGE)
    assert "C-1' was merged into 'C-2' itself" in await terminal.refused(
        "merge-customer", "C-2", "C-1", "--reason", "duplicate"
    )
