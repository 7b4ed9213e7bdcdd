"""What a country tells of a customer where a file is silent: the zone and the language, where there is no doubt."""

from functools import cache

from cadence.words import Language
from cadence.zones import tz_lines, zones_by_country

# Countries on several zones of which one is the country's own (Unicode CLDR, supplemental metaZones, primaryZone).
_PRIMARY_ZONES = {
    "CL": "America/Santiago", "CN": "Asia/Shanghai", "DE": "Europe/Berlin", "EC": "America/Guayaquil",
    "ES": "Europe/Madrid", "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland", "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv", "UZ": "Asia/Tashkent",
}  # fmt: skip
# Countries where business letters are written in one of our languages without asking; Canada, Belgium, Switzerland
# and the like have several, so their files must say.
_LANGUAGES = {
    Language.PT_BR: "BR",
    Language.PT_PT: "PT AO MZ CV GW ST",
    Language.ES: "ES MX AR CL CO PE EC UY PY BO VE CR PA GT HN NI SV DO CU",
    Language.EN: "GB US IE AU NZ",
    Language.FR: "FR MC SN CI",
}
_LANGUAGE_OF = {
    country: language for language, countries in _LANGUAGES.items() for country in countries.split()
}


@cache
def countries() -> frozenset[str]:
    """The ISO 3166 codes of all countries (tz database, iso3166.tab)."""
    return frozenset(line[:2] for line in tz_lines("iso3166.tab"))


def usual_zone(country: str) -> str | None:
    """The IANA zone of a country that has one, or one that is its own; None where the customer may be in several."""
    zones = zones_by_country().get(country, ())
    return _PRIMARY_ZONES.get(country) or (zones[0] if len(zones) == 1 else None)


def is_zone_assumed(country: str) -> bool:
    """Whether the usual zone is one of several, so that a customer's clock may be another."""
    return len(zones_by_country().get(country, ())) > 1


def usual_language(country: str) -> Language | None:
    """The language in which one writes to a country; None where that is not certain."""
    return _LANGUAGE_OF.get(country)
