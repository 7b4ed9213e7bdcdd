"""How long a refusal takes tells nobody why: answer times of bad webhooks, compared by ranks over thousands of them."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from time import perf_counter_ns

import pytest
from typing_extensions import override

from channels.rails.configured import rails
from channels.rails.generic import GenericRail
from channels.settings import ChannelSettings
from channels.verify import SignatureRejected
from starter.processes import free_port
from tests.integration.api.conftest import Api
from tests.integration.api.hooks import BY_NAME, HOOKS, Hook, Request, environment
from tests.integration.api.test_webhooks_hostile import SIGNATURES

REPEATED = 400
# In standard deviations. All hooks and pairs together are about fifty comparisons: chance alone goes beyond this
# in one run of two thousand, while a shift of a fifth of the scatter is seen nearly always.
TOO_FAR = 4.5
# So large that whoever leaves out the signature's computation is seen: a stranger chooses the size as well.
PADDING = "x" * 100_000


@pytest.fixture
def channels() -> ChannelSettings:
    """Every rail on, with secrets of the test's own."""
    return ChannelSettings.model_validate(environment(f"http://127.0.0.1:{free_port()}"))


def bad(hook: Hook) -> dict[str, Request]:
    """A webhook for each way in which its signature can be bad: as long as the others, with as many headers."""
    told = {"padding": PADDING} if hook.signs_body else {}
    good, old = (hook.signed(datetime.now(UTC) - timedelta(minutes=ago), **told) for ago in (0, 6))

    def offering(change: Callable[[str, str], tuple[str, str]]) -> Request:
        headers = [
            change(name, value) if name.lower() in SIGNATURES else (name, value)
            for name, value in good.headers.items()
        ]
        return Request(good.path, good.body, dict(headers))

    found = {
        "missing": offering(lambda name, value: ("X" * len(name), value)),
        "malformed": offering(lambda name, value: (name, "%" * len(value))),
        "wrong": offering(lambda name, value: (name, _one_letter_off(value))),
    }
    return found | ({"stale": old} if hook.signs_time else {})


def _one_letter_off(signature: str) -> str:
    at = max(len(signature) - 8, 0)
    return signature[:at] + ("0" if signature[at] != "0" else "1") + signature[at + 1 :]


async def answer_times(api: Api, requests: Mapping[str, Request]) -> dict[str, list[int]]:
    """Nanoseconds until each was refused, by what is bad; all kinds in a drawn order, so that load meets all alike."""
    order, taken = list(requests) * REPEATED, defaultdict[str, list[int]](list)
    random.Random(4).shuffle(order)
    for kind in order:
        sent = requests[kind]
        request = api.anonymous.build_request(
            "POST", sent.path, content=sent.body, headers=dict(sent.headers)
        )
        began = perf_counter_ns()
        answer = await api.anonymous.send(request)
        taken[kind].append(perf_counter_ns() - began)
        assert (kind, answer.status_code) == (kind, 401)
    return taken


def apart(some: list[int], others: list[int]) -> float:
    """How far two samples are from being one, in standard deviations of the rank sum.

    Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the other"
    (1947), by the normal approximation; nanoseconds have next to no ties.
    """
    ranked = sorted([(value, True) for value in some] + [(value, False) for value in others])
    rank_sum = sum(rank for rank, (_, own) in enumerate(ranked, 1) if own)
    n, m = len(some), len(others)
    u = rank_sum - n * (n + 1) / 2
    return (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


@pytest.mark.soak
@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.name)
async def test_no_answer_time_tells_a_missing_signature_from_a_malformed_stale_or_wrong_one(
    api: Api, hook: Hook
) -> None:
    taken = await answer_times(api, bad(hook))
    far = {
        f"{one} and {other}": round(apart(taken[one], taken[other]), 1)
        for one, other in combinations(taken, 2)
    }
    assert max(map(abs, far.values())) < TOO_FAR, far


class HastyRail(GenericRail):
    """The mistake that the measure is for: without a signature nothing is computed."""

    @override
    def verify(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
        if "webhook-signature" not in headers:
            raise SignatureRejected
        super().verify(raw, headers, query, now)


@pytest.mark.soak
async def test_the_measure_sees_a_service_that_computes_nothing_where_the_signature_is_missing(
    api: Api, channels: ChannelSettings
) -> None:
    secret = channels.payment_webhook_secret
    assert secret is not None
    api.app.state.rails = {**rails(channels), "payment": HastyRail(secret)}
    taken = await answer_times(api, bad(BY_NAME["payment"]))
    assert apart(taken["missing"], taken["wrong"]) < -TOO_FAR
