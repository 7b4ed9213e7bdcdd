"""The clocks of a country: the zones of the IANA database that are in use there."""

from functools import cache
from importlib.resources import files


@cache
def zones_by_country() -> dict[str, tuple[str, ...]]:
    """The IANA zones of each country, by its ISO 3166 code (tz database, zone.tab)."""
    found: dict[str, tuple[str, ...]] = {}
    for line in tz_lines("zone.tab"):
        country, _, zone = line.split("\t")[:3]
        found[country] = (*found.get(country, ()), zone)
    return found


def tz_lines(table: str) -> list[str]:
    """The lines of a table of the tz database, without its comments."""
    text = (files("tzdata") / "zoneinfo" / table).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
