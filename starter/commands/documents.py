"""The options that name the creditor's document and the folder of cadences, and where both usually are."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option("--folder", envvar="CADENCES_DIR", help="Where the cadences are.")]
CreditorFile = Annotated[
    Path, typer.Option("--creditor", envvar="CREDITOR_FILE", help="The creditor's document.")
]
DEFAULT_FOLDER, DEFAULT_CREDITOR = Path("cadences"), Path("creditor.yaml")
