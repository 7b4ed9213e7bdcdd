"""The four shipped cadences: they read, lint clean, follow their schema and keep the rules of the house."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cadence.creditor import Creditor
from cadence.document import Cadence
from cadence.lint import lint, lint_set
from cadence.offsets import Anchor
from cadence.problems import Source
from cadence.reading import cadence_schema, read_document, read_located
from cadence.sends import Send
from cadence.spread import spreads
from cadence.words import Channel
from templates.catalog import Catalog

FILES = sorted(Path("cadences").glob("*.yaml"))
STAGES = ("courtesy", "due", "overdue", "formal", "final", "exit")


def shipped(path: Path) -> tuple[Cadence, Source]:
    return read_located(Cadence, path.read_text(encoding="utf-8"), str(path))


def named(name: str) -> Cadence:
    return shipped(Path(f"cadences/{name}.yaml"))[0]


def messages(cadence: Cadence) -> list[Send]:
    on = cadence.branches
    branches = [
        on.dispute.notice, on.dispute.resolved_notice, on.promise.notice, on.broken_promise.reminder, on.payment.notice
    ]  # fmt: skip
    return [send for send in [*(step.send for step in cadence.steps), *branches] if send]


def test_there_are_four_and_each_segment_has_its_own() -> None:
    assert {shipped(path)[0].segments for path in FILES} == {
        ("strategic",),
        ("standard",),
        ("smb",),
        ("consumer",),
    }
    assert lint_set(shipped(path) for path in FILES) == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_lint_finds_nothing_with_the_shipped_templates_and_creditor(path: Path) -> None:
    cadence, source = shipped(path)
    creditor = read_document(Creditor, Path("creditor.yaml").read_text(encoding="utf-8"), "creditor.yaml")
    assert lint(cadence, Catalog.load(), creditor, source) == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_stages_bear_the_names_of_the_house(path: Path) -> None:
    stages = shipped(path)[0].stages
    assert list(stages) == [stage for stage in STAGES if stage in stages]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_exit_counts_from_the_last_notice_so_that_a_late_one_is_never_followed_at_once(
    path: Path,
) -> None:
    cadence = shipped(path)[0]
    exits = [step for step in cadence.steps if step.stage == "exit"]
    assert exits
    assert all(step.at.anchor is Anchor.PREVIOUS and not step.send for step in exits)
    assert exits[0].at.count >= 15


def test_strategic_customers_get_letters_only_and_are_never_handed_over() -> None:
    strategic = named("strategic-b2b")
    assert {channel for send in messages(strategic) for channel in send.channels} == {Channel.EMAIL}
    assert not any(step.hand_over or step.write_off for step in strategic.steps)
    assert strategic.steps[-1].open_case is not None


def test_consumers_hear_from_us_on_weekdays_in_hours_allowed_everywhere() -> None:
    window = named("b2c").window
    assert window.days == ("mon", "tue", "wed", "thu", "fri")
    assert (window.opens.hour, window.closes.hour) == (9, 18)


def test_consumers_get_one_message_a_day_at_most() -> None:
    b2c = named("b2c")
    days = [spread.earliest for step, spread in zip(b2c.steps, spreads(b2c.steps), strict=True) if step.send]
    assert len(set(days)) == len(days)
    silences = [send.silence(channel) for send in messages(b2c) for channel in send.channels]
    assert all(silence.days >= 1 for silence in silences if silence)


def test_every_whatsapp_step_has_a_channel_to_fall_back_to() -> None:
    sends = [send for path in FILES for send in messages(shipped(path)[0])]
    assert all(send.channels[-1] is not Channel.WHATSAPP or len(send.channels) > 1 for send in sends)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_committed_schema_is_the_models_own_and_accepts_the_document(path: Path) -> None:
    committed = json.loads(Path("cadences/schema.json").read_text(encoding="utf-8"))
    assert committed == cadence_schema()
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
    assert objections(committed, yaml.safe_load(path.read_text(encoding="utf-8")), committed) == []


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    schema = cadence_schema()
    document = yaml.safe_load(Path("cadences/smb.yaml").read_text(encoding="utf-8"))
    document["steps"][0]["at"] = "due 3"
    document["steps"][1]["sent"] = {}
    document["steps"][2]["write_off"] = {"reason": "twice"}
    del document["title"]
    assert len(objections(schema, document, schema)) == 4


def objections(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> list[str]:
    """Judge `value` by the parts of JSON Schema that pydantic writes for our documents."""
    if "$ref" in schema:
        return objections(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    if "anyOf" in schema:
        branches = [objections(branch, value, root) for branch in schema["anyOf"]]
        return [] if [] in branches else min(branches, key=len)
    types = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        return [f"{value!r} is no {schema['type']}"]
    if value not in schema.get("enum", [value]):
        return [f"{value!r} is not in {schema['enum']}"]
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return [f"{value!r} does not match {schema['pattern']}"]
    if isinstance(value, list):
        return [found for item in value for found in objections(schema.get("items", {}), item, root)]
    return _object_objections(schema, value, root) if isinstance(value, dict) else []


def _object_objections(schema: dict[str, Any], value: dict[str, Any], root: dict[str, Any]) -> list[str]:
    found = [f"{key} is missing" for key in schema.get("required", []) if key not in value]
    if "oneOf" in schema:
        fitting = [branch for branch in schema["oneOf"] if set(branch["required"]) <= set(value)]
        found += [] if len(fitting) == 1 else [f"{len(fitting)} of oneOf fit"]
    for key, part in value.items():
        inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
        found += [f"{key} is unknown"] if inner is False else objections(inner, part, root)
    return found
