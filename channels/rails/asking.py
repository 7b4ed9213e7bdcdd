"""Asking a payment provider's API what is true: one GET, never in doubt whether it was answered."""

import functools
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from channels.rails.bodies import Model, json_object, read_as
from channels.rails.money import MalformedWebhook, MoneyNote, NotConfirmed, ProviderAway
from channels.settings import is_private


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Reading the certificates takes longer than most answers: once is enough."""
    return httpx.create_ssl_context()


def client(base_url: str, timeout: float) -> httpx.AsyncClient:
    """A client of one API, for one exchange of at most `timeout` seconds; no proxy on the way to this machine."""
    private = is_private(base_url)
    return httpx.AsyncClient(base_url=base_url, timeout=timeout, trust_env=not private, verify=_trusted())


async def get(http: httpx.AsyncClient, path: str, headers: Mapping[str, str]) -> dict[str, Any] | None:
    """The JSON object at `path`, or None where the provider knows none (404).

    Raises `ProviderAway` for everything else: also for a refused key, because mending the settings makes the
    same question answerable.
    """
    try:
        answer = await http.get(path, headers=dict(headers))
    except httpx.HTTPError as error:
        # Its text may quote the address; the type says enough.
        raise ProviderAway(type(error).__name__) from None
    if answer.status_code == 404:
        return None
    return answered(answer)


def answered(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of a good answer; raises `ProviderAway` for any other."""
    if answer.status_code != 200:
        raise ProviderAway(f"http_{answer.status_code}")
    try:
        return json_object(answer.content)
    except MalformedWebhook:
        raise ProviderAway("not_json") from None


def understood(model: type[Model], truth: Mapping[str, Any], claimed: tuple[MoneyNote, ...] = ()) -> Model:
    """The provider's answer as `model`; raises `NotConfirmed`, with what was claimed, where it is none."""
    try:
        return read_as(model, truth)
    except MalformedWebhook:
        raise NotConfirmed("answer_not_understood", claimed) from None
