"""The command that runs everything on this machine."""

import asyncio
from typing import Annotated

import typer

from starter.commands.documents import (
    DEFAULT_CREDITOR,
    DEFAULT_FOLDER,
    DEFAULT_POLICIES,
    CreditorFile,
    Folder,
    PolicyFolder,
)
from starter.documents import read_documents
from starter.processes import locked_home
from starter.running_stack import RUNNING_STACK

UiPort = Annotated[
    int, typer.Option("--ui-port", min=0, max=65535, help="Temporal's UI; 0 takes a free port.")
]
ApiPort = Annotated[
    int, typer.Option("--api-port", min=0, max=65535, help="The HTTP service; 0: a free port.")
]


def up(
    ui_port: UiPort = 0,
    api_port: ApiPort = 0,
    folder: Folder = DEFAULT_FOLDER,
    creditor: CreditorFile = DEFAULT_CREDITOR,
    policies: PolicyFolder = DEFAULT_POLICIES,
) -> None:
    """Run everything here, with embedded servers and the provider sandbox, until Ctrl-C. The data is kept."""
    documents = read_documents(creditor, policies)
    with locked_home(RUNNING_STACK.parent.resolve()) as home:
        # Who may not run here is told so at once: to load all that runs takes longer than anything else before it.
        from starter.stack import Stack, run_stack  # noqa: PLC0415

        asyncio.run(run_stack(Stack(documents, folder, home, ui_port, api_port)))
