"""The threat model says where each threat is tested; a test that is renamed must be renamed there."""

import ast
import re
from functools import cache
from pathlib import Path

PAGE = Path("docs/threat-model.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[^`:]+\.py)::(test_\w+)`", PAGE)


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_every_test_that_the_page_names_exists() -> None:
    missing = [f"{path}::{name}" for path, name in NAMED if name not in _tests_in(path)]
    assert missing == []


def test_every_threat_has_its_proof() -> None:
    """A row of the tables whose head has a proof names a test."""
    tables = re.findall(r"\| Threat \| Defence \| Proof \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", PAGE)
    rows = [line for table in tables for line in table.splitlines()]
    assert len(rows) > 40
    assert [line for line in rows if "::test_" not in line] == []
