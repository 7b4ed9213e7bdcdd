"""Login for people by OpenID Connect: a browser's session of eight hours, with the role that a claim gives."""

import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from joserfc.errors import JoseError
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection

from channels.settings import is_private
from starter.api.problems import ApiProblem
from starter.api.roles import Role
from starter.api.service import Service
from starter.api.settings import ApiSettings, origin_of

SESSION_COOKIE = "regua_session"
LASTS = timedelta(hours=8)
# The provider is not there, or what answers is none: a proxy's page has no JSON in it.
_AWAY = (httpx.HTTPError, ValueError)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

router = APIRouter(tags=["login"], include_in_schema=False)


def add_login(app: FastAPI, service: Service) -> None:
    """Give the application its login, where the settings name who vouches for people."""
    settings = service.api
    if not settings.people_log_in or settings.session_secret is None:
        return
    app.add_middleware(
        SessionMiddleware,
        secret_key=settings.session_secret.get_secret_value(),
        session_cookie=SESSION_COOKIE,
        max_age=int(LASTS.total_seconds()),
        same_site="lax",
        https_only=not is_private(service.channels.public_url),
    )
    app.state.provider = _provider(settings)
    app.include_router(router)


def person(connection: HTTPConnection) -> tuple[str, Role] | None:
    """The name and role of who is logged in, None where nobody is.

    Raises ApiProblem 403 where another site made the browser write: a cookie goes along by itself, but the
    Origin is the browser's own word (OWASP, cross-site request forgery).
    """
    who = connection.session.get("who") if "session" in connection.scope else None
    if who is None:
        return None
    here = origin_of(connection.app.state.service.channels.public_url)
    if connection.scope["method"] not in _READS and connection.headers.get("origin", "").lower() != here:
        raise ApiProblem(403, "foreign_origin", f"with a session, writes must come from pages of {here}")
    return who["name"], Role(who["role"])


@router.get("/login")
async def login(request: Request) -> Response:
    """Send the browser to the provider."""
    try:
        answer: Response = await request.app.state.provider.authorize_redirect(request, _callback(request))
    except _AWAY:
        raise _provider_away() from None
    return answer


@router.get("/login/callback")
async def callback(request: Request) -> Response:
    """Take what the provider says of a person, and begin their session."""
    try:
        given = await request.app.state.provider.authorize_access_token(request)
    except (OAuthError, JoseError):
        raise ApiProblem(401, "login_failed", "the login did not succeed; begin again at /login") from None
    except _AWAY:
        raise _provider_away() from None
    claims: Mapping[str, Any] = given.get("userinfo") or {}
    service: Service = request.app.state.service
    role = role_of(claims, service.api)
    # Some providers let people write any address; the log must not name somebody else by it.
    email = claims.get("email") if claims.get("email_verified", True) is True else None
    name = email or claims.get("sub")
    if role is None or not isinstance(name, str):
        raise ApiProblem(403, "no_role", "nobody gave you a role here; ask who manages OIDC_ROLES for one")
    request.session.clear()
    request.session["who"] = {"name": name, "role": role}
    return RedirectResponse("/v1/me", 303)


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the browser's session."""
    person(request)  # refuses another site's page
    request.session.clear()
    return Response(status_code=204)


def role_of(claims: Mapping[str, Any], settings: ApiSettings) -> Role | None:
    """The role that the claims give: of several, the one that stands first in OIDC_ROLES."""
    claimed = claims.get(settings.oidc_role_claim)
    values = claimed if isinstance(claimed, list) else [claimed]
    return next((role for value, role in (settings.oidc_roles or {}).items() if value in values), None)


def _provider_away() -> ApiProblem:
    return ApiProblem(
        503,
        "provider_away",
        "the login's provider does not answer as it should; try again later",
        {"Retry-After": "5"},
    )


def _provider(settings: ApiSettings) -> Any:
    assert settings.oidc_client_secret is not None
    with warnings.catch_warnings():
        # It says at every start that it prefers a successor of httpx, which is nothing that a user can act on.
        warnings.simplefilter("ignore")
        from authlib.integrations.starlette_client import OAuth  # type: ignore[import-untyped] # noqa: PLC0415
    return OAuth().register(
        name="provider",
        server_metadata_url=f"{settings.oidc_issuer}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            # A login makes three clients; each would read all certificates again, which takes longer than the rest.
            "verify": httpx.create_ssl_context(),
        },
    )


def _callback(request: Request) -> str:
    """From the settings, never from the header Host."""
    service: Service = request.app.state.service
    return f"{service.channels.public_url}/login/callback"
