"""Shows how far a rehearsal is: a bar in a terminal, a plain line for every tenth elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

STARTING = "Starting PostgreSQL, Temporal, the sandbox and a worker"


@contextmanager
def shown(title: str) -> Iterator[Callable[[float], None]]:
    """Give what is to be told the share that is done, from 0 to 1, and show it where errors go, not among results.

    Until the first share is told, it says that the servers start.
    """
    console = Console(stderr=True, highlight=False, markup=False)
    if not console.is_interactive:
        console.print(STARTING)
        yield _Plain(console, title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(STARTING, total=1.0)
        yield lambda share: bar.update(task, completed=share, description=title)


@dataclass(slots=True)
class _Plain:
    console: Console
    title: str
    tenths: int = -1

    def __call__(self, share: float) -> None:
        if (tenths := int(share * 10)) > self.tenths:
            self.tenths = tenths
            self.console.print(f"{self.title}: {tenths * 10} %")
