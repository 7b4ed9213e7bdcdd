"""Reads a document that a person wrote (YAML) into its model, and says where each mistake is.

Every scalar stays the text that was written: `country: NO` is Norway, `0.10` is exactly ten cents, `09:00` is
a time. The model, not YAML, decides what a text means.
"""

from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cadence.document import Cadence
from cadence.problems import DocumentError, MisplacedError, Path, Problem, Source, written

MAX_CHARACTERS = 256 * 1024
MAX_DEPTH = 20
_NULL = "tag:yaml.org,2002:null"
_Loader: TypeAlias = type[yaml.CSafeLoader] | type[yaml.SafeLoader]
# Both let ValueError and OverflowError out of escapes and directives that name impossible numbers.
_UNREADABLE = (yaml.YAMLError, ValueError, OverflowError)
_FORMS = {"dict_type": "a block of keys", "model_type": "a block of keys", "list_type": "a list",
          "tuple_type": "a list", "string_type": "text"}  # fmt: skip

# What a pattern asks for, in words; a test keeps this complete for the shipped models.
PATTERN_WORDS = {
    r"^[a-z][a-z0-9_-]{0,59}$": "a name of small letters, digits, - and _, such as 'first-reminder'",
    r"^([A-Z]{2}|customer)$": "a country of two capital letters such as 'BR', or 'customer'",
    r"^[A-Z]{2}$": "a country of two capital letters such as 'BR'",
    r"^[A-Z]{3}$": "a currency of three capital letters such as 'EUR'",
    r"^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+$": "an e-mail address such as 'billing@example.com'",
    r"^\+[1-9]\d{6,14}$": "a phone number in international form such as '+15555550100'",
    r"^(\+[1-9]\d{6,14}|MG[0-9a-f]{32})$": "a number such as '+15555550100', or a messaging service 'MG...'",
    r"^HX[0-9a-f]{32}$": "a content id: HX and 32 hexadecimal digits",
}

T = TypeVar("T", bound=BaseModel)


def read_document(model: type[T], text: str, file: str) -> T:
    """Read `text` as `model`; raise DocumentError with all its problems, each with `file`, line and field."""
    return read_located(model, text, file)[0]


def read_located(model: type[T], text: str, file: str) -> tuple[T, Source]:
    """Read `text` as `model`, and keep the lines of its parts for whoever judges the content (lint)."""
    root = _compose(text, file)
    tree = _Tree()
    value = tree.value(root, ())
    source = Source(file, tree.places)
    problems = [Problem(file, line, written(path), message) for path, line, message in tree.faults]
    try:
        document = model.model_validate(value)
    except ValidationError as error:
        schema = _schema_of(model)
        found = [_translated(details, schema, source) for details in _own(error.errors(include_url=False))]
        raise DocumentError([*problems, *found]) from None
    if problems:
        raise DocumentError(problems)
    return document, source


def cadence_schema() -> dict[str, Any]:
    """Describe a cadence document as JSON Schema, for editors that complete and check (`cadences/schema.json`)."""
    schema = Cadence.model_json_schema()
    actions = ("send", "open_case", "hand_over", "write_off")
    schema["$defs"]["Step"]["oneOf"] = [{"required": [action]} for action in actions]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Régua cadence"}
    return {**schema, **head, "examples": [_EXAMPLE]}


_EXAMPLE = {
    "name": "smb",
    "title": "Small companies",
    "segments": ["smb"],
    "stages": ["courtesy"],
    "steps": [
        {
            "id": "upcoming",
            "at": "due - 3d",
            "stage": "courtesy",
            "send": {"template": "upcoming", "channels": ["email", "sms"]},
        }
    ],
}


def _compose(text: str, file: str) -> Node:
    if len(text) > MAX_CHARACTERS:
        message = f"the file has {len(text)} characters; at most {MAX_CHARACTERS} are read, so split it"
        raise DocumentError([Problem(file, 1, "", message)])
    try:
        root = _plain(text, file, yaml.CSafeLoader)
    except _UNREADABLE:
        root = _slowly(text, file)
    if root is None:
        raise DocumentError([Problem(file, 1, "", "the file is empty; it must hold keys and values")])
    return root


def _slowly(text: str, file: str) -> Node | None:
    """Read with PyYAML's own reader, which is ten times slower than libyaml and says better what is wrong."""
    try:
        return _plain(text, file, yaml.SafeLoader)
    except _UNREADABLE as error:
        raise DocumentError([_syntax_problem(error, text, file)]) from None


def _plain(text: str, file: str, loader: _Loader) -> Node | None:
    _refuse_what_is_not_plain(text, file, loader)
    root: Node | None = yaml.compose(text, Loader=loader)
    return root


def _refuse_what_is_not_plain(text: str, file: str, loader: _Loader) -> None:
    """Stop at aliases (they can blow a small file up), tags, and depths that recursion would not survive."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        message = ""
        if getattr(event, "anchor", None) is not None:
            message = (
                "anchors (&) and aliases (*) are not read; write the value out, or put the text in quotes"
            )
        elif getattr(event, "tag", None) is not None:
            message = "tags (!) are not read; write the plain value, or put the text in quotes"
        elif depth > MAX_DEPTH:
            message = (
                f"lists and blocks stand more than {MAX_DEPTH} deep in each other; no document needs that"
            )
        if message:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise DocumentError([Problem(file, line, "", message)])


def _syntax_problem(error: Exception, text: str, file: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        if r"'\t'" in (error.problem or ""):
            return Problem(file, line, "", "a tab stands where YAML takes spaces only; indent with spaces")
        return Problem(file, line, "", f"this is not YAML: {error.problem}; look here and one line above")
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, int(error.position)) + 1
        return Problem(
            file, line, "", "an invisible control character stands here; delete and retype the line"
        )
    return Problem(file, 1, "", "an escape or directive names an impossible number; write the plain text")


class _Tree:
    """Turns YAML nodes into texts, lists and blocks, noting places and faults of form on the way."""

    def __init__(self) -> None:
        self.places: dict[Path, int] = {}
        self.faults: list[tuple[Path, int, str]] = []

    def value(self, node: Node, path: Path) -> object:
        self.places.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self._block(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return None if node.tag == _NULL else node.value

    def _block(self, node: MappingNode, path: Path) -> dict[str, object]:
        block: dict[str, object] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                self.faults.append((path, line, "a list or block is used as a key; a key is plain text"))
            elif key.value in block:
                first = self.places[(*path, key.value)]
                message = f"this key is written again, first in line {first}; keep one of them"
                self.faults.append(((*path, key.value), line, message))
            else:
                self.places[(*path, key.value)] = line
                block[key.value] = self.value(value, (*path, key.value))
        return block


def _own(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out lists that are too short only because their items were refused: pydantic counts the good ones."""
    inner = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in inner]


def _translated(details: ErrorDetails, schema: dict[str, Any], source: Source) -> Problem:
    path = tuple(part for part in details["loc"] if part != "[key]")
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, MisplacedError):
        path += cause.path
    return source.problem(path, _message(details, path, schema))


def _message(details: ErrorDetails, path: Path, schema: dict[str, Any]) -> str:
    kind, found, context = details["type"], _shown(details["input"]), details.get("ctx", {})
    if kind == "value_error":
        return details["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return f"this key is missing{_example(_schema_at(schema, path))}"
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), _schema_at(schema, path[:-1]))
    if kind in _FORMS:
        expected = _schema_at(schema, path)
        form = "text" if expected.get("type") == "string" else _FORMS[kind]
        return f"expected {form}, found {found}{_example(expected)}"
    if kind == "string_pattern_mismatch":
        return f"{found} is not {PATTERN_WORDS.get(context['pattern'], 'of the form ' + context['pattern'])}"
    if kind == "too_short":
        return f"expected at least {context['min_length']} here, found {context['actual_length']}"
    if kind in {"enum", "literal_error"}:
        return f"{found} is not one of {context['expected']}"
    reason = details["msg"][0].lower() + details["msg"][1:]
    return f"{found} does not fit: {reason}{_example(_schema_at(schema, path))}"


def _unknown_key(key: str, schema: dict[str, Any]) -> str:
    known = list(schema.get("properties", {}))
    close = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known keys are {', '.join(known)}"
    return f"{key!r} is no key here; {hint}" if known else f"{key!r} is no key here"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 80 else text[:76] + "...'"


def _example(schema: dict[str, Any]) -> str:
    examples = schema.get("examples")
    return f"; write for example {str(examples[0])!r}" if examples else ""


@lru_cache(maxsize=8)
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _schema_at(schema: dict[str, Any], path: Path) -> dict[str, Any]:
    """Follow a path through the model's JSON Schema; empty where the schema says nothing."""
    node = _resolved(schema, schema)
    for part in path:
        inner = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
        inner = inner or node.get("additionalProperties")
        node = _resolved(schema, inner) if isinstance(inner, dict) else {}
    return node


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return _resolved(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
    return _resolved(schema, options[0]) if options else node
