"""What the documents tell people to type and to open: it parses, it exists, and the settings are the code's own."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings
from typer.exceptions import TyperException

from channels.settings import ChannelSettings
from starter.api.settings import ApiSettings
from starter.happening_row import Kind
from starter.main import command_line
from starter.settings import Settings
from workflows.signals import Signal

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]
LINE = typer.main.get_command(command_line())

# What readers make themselves, a command makes for them, or the service answers.
MADE_LATER = (
    "build/",
    "in/",
    ".env",
    ".regua",
    "/openapi.json",
    "invoices.csv",
    "invoices.rejects.csv",
    "/in/portfolio.csv",
)
FILE = re.compile(r"[\w.\-/]+(\.(py|ya?ml|csv|md|json|toml)|(?<=[a-z])/)|Dockerfile|Makefile")

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT))
)


def _blocks(document: Path) -> Iterator[str]:
    """Lines of code blocks, indented or fenced, with continued lines joined."""
    text = document.read_text("utf-8").replace("\\\n", " ")
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()


def _spans(document: Path) -> list[str]:
    """What stands between back-ticks in running text; a line break inside one is a space."""
    prose = re.sub(r"(?ms)^```.*?^```$|^    .*?$", "", document.read_text("utf-8"))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def _commands(lines: list[str]) -> Iterator[list[str]]:
    """The words after `regua`, on this machine or in a container, of each line that is such a command."""
    for line in lines:
        if match := re.match(r"(?:docker compose exec \w+ )?regua(?: (?P<words>.*))?$", line):
            yield shlex.split(match["words"] or "", comments=True)


def _parse(words: list[str], *, mentioned: bool) -> None:
    """Parse as the command line does, without doing anything; what is only mentioned may leave arguments out."""
    command: Any = LINE
    try:
        while words and hasattr(command, "resolve_command"):
            _, command, words = command.resolve_command(command.make_context("regua", list(words)), words)
        if not hasattr(command, "resolve_command"):
            command.make_context("regua", words)
    except TyperException as error:
        if not (mentioned and "Missing" in error.format_message()):
            raise


@each_document
def test_every_command_in_a_code_block_parses(document: Path) -> None:
    for words in _commands(list(_blocks(document))):
        _parse(words, mentioned=False)


@each_document
def test_every_command_that_is_mentioned_exists_with_its_options(document: Path) -> None:
    for words in _commands(_spans(document)):
        _parse(words, mentioned=True)


@pytest.mark.parametrize("line", ["regua pya 1 2", "regua pay 1 2 --mehtod pix", "regua cadence shwo smb"])
def test_a_slip_in_a_command_is_found(line: str) -> None:
    with pytest.raises(TyperException):
        _parse(next(_commands([line])), mentioned=True)


def test_the_readme_shows_commands() -> None:
    assert len(list(_commands(list(_blocks(ROOT / "README.md"))))) > 10


@each_document
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = [span for span in _spans(document) if FILE.fullmatch(span)]
    for words in _commands(list(_blocks(document))):
        named += [word for word in words if FILE.fullmatch(word)]
    missing = [name for name in named if not name.startswith(MADE_LATER) and not _exists(document, name)]
    assert missing == []


def _exists(document: Path, name: str) -> bool:
    """From the root or beside the document; a bare name may stand for a file of that name in each language."""
    places = [ROOT / name, document.parent / name, *ROOT.glob(f"templates/*/{name}")]
    return any(place.exists() for place in places)


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", document.read_text("utf-8"))
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (document.parent / link).exists()] == []


@each_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    lines = [*_blocks(document), *_spans(document)]
    named = {match[1] for line in lines if (match := re.match(r"make ([a-z]+)", line))}
    assert named <= targets


def _settings_told() -> dict[str, str]:
    """Variable and default, from the tables in docs/running.md."""
    text = (ROOT / "docs/running.md").read_text("utf-8")
    rows = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| .* \| ([^|]+) \|$", text, re.MULTILINE)
    return {name: default.strip("` ") for name, default in rows}


def _settings_known(settings: type[BaseSettings]) -> dict[str, str]:
    return {name.upper(): _default(field.default) for name, field in settings.model_fields.items()}


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    return "none" if value is None else str(value)


def test_every_setting_is_documented_with_its_default() -> None:
    assert _settings_told() == (
        _settings_known(Settings) | _settings_known(ChannelSettings) | _settings_known(ApiSettings)
    )


def test_every_signal_is_documented_with_its_fields() -> None:
    text = (ROOT / "docs/signals.md").read_text("utf-8")
    section = text.partition("## Signals to a workflow")[2]
    rows = re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|", section, re.MULTILINE)
    told = {name: set(re.findall(r"`([a-z_]+)`", fields)) for name, fields in rows}
    known = {_snake(signal.__name__): set(signal.model_fields) for signal in Signal.__subclasses__()}
    assert told == known


def test_every_event_of_a_file_is_documented() -> None:
    section = (
        (ROOT / "docs/telling.md").read_text("utf-8").partition("| Event | Columns")[2].partition("\n\n")[0]
    )
    rows = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} == set(Kind)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
