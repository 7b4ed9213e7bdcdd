"""The sandbox as the payment providers' APIs: what they say of a payment to whoever has their key."""

import base64
import hmac
import secrets
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.sandbox.hub import Hub

_TOKEN_SECONDS = 300


def routes(hub: Hub) -> list[Route]:
    """Stripe's, Mercado Pago's, Asaas's and a Pix PSP's part of the sandbox, for reading."""
    stripe = partial(_is_bearer, hub, "STRIPE_API_KEY")
    mercadopago = partial(_is_bearer, hub, "MERCADOPAGO_ACCESS_TOKEN")
    pix = _PixTokens(hub)
    table: list[tuple[str, Callable[[Request], bool]]]
    table = [(f"/v1/{name}/{{id}}", stripe) for name in ("payment_intents", "charges", "refunds", "disputes")]
    table += [("/v1/payments/{id}", mercadopago), ("/v3/payments/{id}", partial(_has_asaas_key, hub))]
    table += [("/pix/{id}", pix.is_known)]
    readings = [Route(path, partial(_read, hub, allowed), methods=["GET"]) for path, allowed in table]
    return [*readings, Route("/oauth/token", pix.issue, methods=["POST"])]


async def _read(hub: Hub, allowed: Callable[[Request], bool], request: Request) -> Response:
    if not allowed(request):
        return JSONResponse({"error": "unauthorized"}, 401)
    found = hub.store.resources.get(request.url.path)
    return JSONResponse({"error": "not_found"}, 404) if found is None else JSONResponse(found)


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _is_bearer(hub: Hub, name: str, request: Request) -> bool:
    key = hub.config.rails.get(name)
    return key is not None and _equal(request.headers.get("authorization", ""), f"Bearer {key}")


def _has_asaas_key(hub: Hub, request: Request) -> bool:
    key = hub.config.rails.get("ASAAS_API_KEY")
    return key is not None and _equal(request.headers.get("access_token", ""), key)


class _PixTokens:
    """OAuth's client credentials; the tokens live as long as the sandbox's process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._issued: set[str] = set()

    async def issue(self, request: Request) -> Response:
        rails = self._hub.config.rails
        pair = f"{rails.get('PIX_CLIENT_ID')}:{rails.get('PIX_CLIENT_SECRET')}"
        expected = "Basic " + base64.b64encode(pair.encode()).decode()
        known = "PIX_CLIENT_ID" in rails and "PIX_CLIENT_SECRET" in rails
        form = await request.form()
        asked = form.get("grant_type") == "client_credentials"
        if not (known and asked and _equal(request.headers.get("authorization", ""), expected)):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe()
        self._issued.add(token)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS})

    def is_known(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and token in self._issued
