"""Names that are to be unique within their document."""

from cadence.problems import MisplacedError, Path


def refuse_duplicates(what: str, names: list[tuple[str, Path]]) -> None:
    """Raise MisplacedError at the place of a name that is used twice; `what` says what is named."""
    seen: set[str] = set()
    for name, place in names:
        if name in seen:
            message = f"{what} {name} is used more than once; each must be unique in its cadence"
            raise MisplacedError(message, place)
        seen.add(name)
