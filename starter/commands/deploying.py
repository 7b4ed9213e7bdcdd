"""The command that brings the ledger's tables up to this version."""

from ledger import schema
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
