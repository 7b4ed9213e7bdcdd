"""What is wrong with a document and where: problems, the error that carries them, and places in the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Path = tuple[str | int, ...]


class Level(StrEnum):
    """How much a problem weighs: an error stops publishing, a warning is for the writer to judge."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `line` counts from 1, `field` is a path such as `steps[2].at`."""

    file: str
    line: int
    field: str
    message: str
    level: Level = Level.ERROR

    def __str__(self) -> str:
        mark = "warning: " if self.level is Level.WARNING else ""
        where = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}: {mark}{where}{self.message}"


class DocumentError(Exception):
    """A document cannot be used; `problems` lists everything that is wrong with it, in the order of its lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class MisplacedError(ValueError):
    """A rule that spans fields was broken at `path`, counted from the model whose validator raises this."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Source:
    """Where the parts of a document stand: the line of each key and list item, by its path."""

    file: str
    places: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Find the line of `path`, or of the nearest part around it that was written down."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, 1)

    def problem(self, path: Path, message: str, level: Level = Level.ERROR) -> Problem:
        """State a problem at `path`."""
        return Problem(self.file, self.line(path), written(path), message, level)


def written(path: Path) -> str:
    """Write a path as people do: `steps[2].send.channels[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if part.isprintable() else repr(part))
    return text
