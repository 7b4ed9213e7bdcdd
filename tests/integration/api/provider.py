"""A small OpenID provider on loopback: discovery, authorization code with PKCE, RS256 id_tokens."""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from starter.embedded import free_port
from tests.integration.waiting import eventually

KEY = RSAKey.generate_key(2048, {"kid": "one"})
CLIENT_ID, CLIENT_SECRET = "regua", "the provider knows this secret"


@dataclass
class Provider:
    """Vouches for one person. `claims` are added to what it says of them; `key` signs, and /jwks publishes `known`."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    known: RSAKey = field(default_factory=lambda: KEY)
    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    def discovery(self) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def jwks(self) -> Response:
        return JSONResponse({"keys": [self.known.as_dict(private=False)]})

    def authorize(self, request: Request) -> Response:
        """The person is logged in here and agrees at once."""
        asked = dict(request.query_params)
        code = token_urlsafe()
        self.asked[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.asked.pop(str(form["code"]), None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if asked is None or request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {
                "access_token": token_urlsafe(),
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self._id_token(asked),
            }
        )

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "sub": "person-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        return jwt.encode({"alg": "RS256", "kid": "one"}, said | self.claims, self.key)


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """The provider, answering on loopback."""
    port = free_port()
    vouching, app = Provider(f"http://127.0.0.1:{port}"), FastAPI()
    app.add_api_route("/.well-known/openid-configuration", vouching.discovery, response_model=None)
    app.add_api_route("/no-json", lambda: Response("<html>"), response_model=None)
    app.add_api_route("/jwks", vouching.jwks, response_model=None)
    app.add_api_route("/authorize", vouching.authorize, response_model=None)
    app.add_api_route("/token", vouching.token, methods=["POST"], response_model=None)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    yield vouching
    server.should_exit = True
    await serving
