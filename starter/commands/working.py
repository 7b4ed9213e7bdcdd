"""The command that becomes the worker's process."""

import runpy

from channels.settings import load_settings as load_channel_settings
from starter.documents import read_creditor, read_packs
from starter.settings import load_settings


def worker() -> None:
    """Run a worker until it is told to stop; sends under way are let finish."""
    # Refused here with a sentence, before the process becomes the worker.
    read_creditor(load_settings().creditor_file)
    read_packs(load_settings().policies_dir)
    load_channel_settings()
    # As `python -m worker` would; a new program would load again what these checks have loaded, half of it all.
    runpy.run_module("worker", run_name="__main__")
