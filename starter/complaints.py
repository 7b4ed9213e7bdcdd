"""What a person is told when a command fails: one sentence for each kind of error, and its exit status."""

from collections.abc import Mapping, Sequence

from starter.running_stack import stack_left_aside

WRONG, REFUSED = 1, 2

# Errors whose own text is a sentence for people. All are named, not imported: a slip in a date should not wait
# for every library that could have failed as well.
SPOKEN = frozenset(
    {
        "cadence.problems.DocumentError",
        "channels.settings.SettingsError",
        "ledger.database.LedgerError",
        "starter.processes.StartError",
        "starter.rehearsal.player.Refused",
        "starter.rehearsal.watching.Stuck",
        "starter.session.Refusal",
        "starter.temporal.Unreachable",
        "templates.errors.TemplateError",
    }
)
# Errors of others, whose words can quote what they were given; the first that fits the class or its bases counts.
SENTENCES: Mapping[str, str] = {
    "builtins.UnicodeEncodeError": "A text that was given is not UTF-8; set the terminal to UTF-8 and type it again.",
    "sqlalchemy.exc.ProgrammingError": "The ledger's tables are missing or older than this version; run `regua migrate`.",
    "sqlalchemy.exc.OperationalError": "PostgreSQL does not answer; start it or `regua up`, and check DATABASE_URL.",
    "sqlalchemy.exc.DBAPIError": "PostgreSQL cannot keep this value; check the texts and numbers that were given.",
    "temporalio.service.RPCError": "Temporal refused or does not answer; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.",
}


def _aside(names: Sequence[str]) -> str:
    """What a missing setting may come from."""
    return stack_left_aside() if "channels.settings.SettingsError" in names else ""


def complaint(error: Exception) -> tuple[str, int]:
    """The sentence and the exit status for an error that ended a command."""
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    if not SPOKEN.isdisjoint(names):
        return "\n".join(filter(None, (str(error), _aside(names)))), REFUSED
    for name in names:
        if name in SENTENCES:
            return SENTENCES[name], REFUSED
    if isinstance(error, OSError):
        what = error.filename or "a file or a connection"
        return (
            f"{what}: {error.strerror or type(error).__name__}; check it, and that you may use it.",
            REFUSED,
        )
    return f"This was not foreseen ({names[0]}); nothing more was done. Please report it.", WRONG
