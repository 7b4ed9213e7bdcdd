"""What the rails' signatures have in common: one path from bytes to verdict, whatever is wrong with them."""

import hmac
import math
import re
from collections.abc import Mapping, Sequence

from channels.verify import SignatureRejected

TOLERANCE = 300  # seconds; what Stripe's library and Standard Webhooks allow, here in both directions
_MOST_OFFERED = 10  # a sender that changes its secret signs twice; more is nobody's practice


def header(headers: Mapping[str, str], name: str) -> str:
    """The header of this name in any case, or "" where it is missing: what is missing is verified as well."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def octets(text: str) -> bytes:
    """Bytes of a header's text; what no header can hold becomes "?", which no signature holds."""
    return text.encode("utf-8", "replace")


def mac(secret: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 over the parts, one after another."""
    digest = hmac.new(secret, digestmod="sha256")
    for part in parts:
        digest.update(part)
    return digest.digest()


def any_equal(expected: Sequence[bytes], offered: Sequence[str]) -> bool:
    """Whether one of `offered` is expected; every pair is compared, and a missing one as if it were there."""
    candidates = [octets(each) for each in offered[:_MOST_OFFERED]] or [b""]
    verdicts = [hmac.compare_digest(right, given) for right in expected for given in candidates]
    return any(verdicts)


def seconds(stamp: str) -> float:
    """Unix seconds from a timestamp's digits; NaN, which is near no time, from anything else."""
    return float(stamp) if re.fullmatch(r"[0-9]{1,13}", stamp, re.ASCII) else math.nan


def fresh(stamp: float, now: float) -> bool:
    """Whether two instants in Unix seconds are at most five minutes apart."""
    return abs(now - stamp) <= TOLERANCE


def accept_only(genuine: bool) -> None:
    """Raise `SignatureRejected` unless `genuine`."""
    if not genuine:
        raise SignatureRejected
