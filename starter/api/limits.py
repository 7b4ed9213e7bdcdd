"""Rate limits: how often one token, and one source address, may call this process in a minute."""

import hashlib
import math
import secrets
import time
from ipaddress import ip_address, ip_network

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from starter.api.problems import ApiProblem
from starter.api.settings import ApiSettings

# Sources are counted by one of so many numbers, drawn by a secret, so that however many there are the memory
# stays the same, and nobody can choose with whom to share a count.
SOURCES = 1_024
# Links that lead nowhere are typed wrong now and then, and guessed in great numbers.
GUESSES_PER_MINUTE = 30


_GUESSES = RateLimitItemPerMinute(GUESSES_PER_MINUTE)


class Limits:
    """The counts of one application."""

    def __init__(self, settings: ApiSettings) -> None:
        self._counts = FixedWindowRateLimiter(MemoryStorage())
        self._token = _per_minute(settings.rate_per_token_per_minute)
        self._source = _per_minute(settings.rate_per_source_per_minute)
        self._key = secrets.token_bytes(16)

    async def spend_of_token(self, name: str) -> None:
        """Count one request of a token or a person; raise ApiProblem 429 where it is one too many."""
        await self._spend(self._token, "token", name)

    async def spend_of_source(self, address: str) -> None:
        """Count one request of a source address; raise ApiProblem 429 where it is one too many."""
        await self._spend(self._source, "source", self._number(address))

    async def spend_of_guess(self, address: str) -> None:
        """Count one link of a source address that led nowhere; raise ApiProblem 429 where it is one too many."""
        if self._source is not None:
            await self._spend(_GUESSES, "guess", self._number(address))

    def _number(self, address: str) -> str:
        digest = hashlib.blake2b(_network(address).encode(), digest_size=8, key=self._key).digest()
        return str(int.from_bytes(digest) % SOURCES)

    async def _spend(self, limit: RateLimitItemPerMinute | None, kind: str, name: str) -> None:
        if limit is None or await self._counts.hit(limit, kind, name):
            return
        ends_at = (await self._counts.get_window_stats(limit, kind, name)).reset_time
        wait = max(1, math.ceil(ends_at - time.time()))
        raise ApiProblem(
            429,
            "too_many_requests",
            f"of one {kind}, {limit.amount} requests a minute are taken; go on in {wait} s",
            {"Retry-After": str(wait)},
        )


def _per_minute(amount: int) -> RateLimitItemPerMinute | None:
    return RateLimitItemPerMinute(amount) if amount else None


def _network(address: str) -> str:
    """Whom an address stands for: of IPv6 the first 64 bits, because everybody has all that follow."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ip_network((parsed, 64), strict=False))
