"""The options that name the documents people write, and where those usually are."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option("--folder", envvar="CADENCES_DIR", help="Where the cadences are.")]
CreditorFile = Annotated[
    Path, typer.Option("--creditor", envvar="CREDITOR_FILE", help="The creditor's document.")
]
PolicyFolder = Annotated[
    Path, typer.Option("--policies", envvar="POLICIES_DIR", help="Where the packs of contact rules are.")
]
DEFAULT_FOLDER, DEFAULT_CREDITOR, DEFAULT_POLICIES = Path("cadences"), Path("creditor.yaml"), Path("policies")
