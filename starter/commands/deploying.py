"""Commands of a deployment: the ledger's migration, and the worker's process."""

import os
import sys

from channels.settings import load_settings as load_channel_settings
from ledger import schema
from starter.documents import read_creditor, read_packs
from starter.printing import say
from starter.settings import load_settings


def migrate() -> None:
    """Bring the ledger's tables up to this version."""
    url = load_settings().database_url
    before = schema.current(url)
    schema.upgrade(url)
    after = schema.current(url)
    say(
        f"the ledger is at {after} already"
        if before == after
        else f"the ledger went from {before or 'nothing'} to {after}"
    )


def worker() -> None:
    """Run a worker until it is told to stop; sends under way are let finish."""
    # Refused here with a sentence, before the process becomes the worker.
    read_creditor(load_settings().creditor_file)
    read_packs(load_settings().policies_dir)
    load_channel_settings()
    os.execv(sys.executable, [sys.executable, "-m", "worker"])  # noqa: S606 - it has no shell to need
