"""SendGrid's SDK, held to one call, one connection, one time-out and no redirects."""

import json
import ssl
from collections.abc import Mapping
from functools import cache
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Any
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from python_http_client.client import Client, Response
from sendgrid import SendGridAPIClient

from channels.settings import ChannelSettings, is_private
from channels.wire import Wire, noting


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(noting(HTTPConnection, _wire_of(req)), req)


class _Https(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(noting(HTTPSConnection, _wire_of(req)), req, context=_tls())


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """A POST that is sent on elsewhere is a second request."""


def _wire_of(request: Request) -> Wire:
    wire: Wire = request.wire  # type: ignore[attr-defined]
    return wire


@cache
def _opener(*, private: bool) -> OpenerDirector:
    """The same for all calls, for it takes as long to make as a call: what is a call's own is in its request."""
    proxies = [ProxyHandler({})] if private else []
    return build_opener(_Http(), _Https(context=_tls()), _NoRedirect(), *proxies)


class SingleCall(Client):  # type: ignore[misc]
    """The SDK's client for one `path` below /v3 (`["mail", "send"]`), to be used for one call.

    The SDK's own client shares its headers between calls, waits for ever, and hides whether it connected.
    """

    def __init__(self, settings: ChannelSettings, wire: Wire, path: list[str]) -> None:
        api = SendGridAPIClient(settings.sendgrid_api_key.get_secret_value(), host=settings.sendgrid_host)
        super().__init__(
            host=api.client.host,
            request_headers=api.client.request_headers,
            version=3,
            url_path=path,
            timeout=settings.provider_timeout_seconds,
        )
        self._wire = wire
        self._opener = _opener(private=is_private(settings.sendgrid_host))

    def post(self, body: Mapping[str, Any]) -> Response:
        """Post `body` as JSON; raises HTTPError of the SDK's where it is answered so.

        The SDK's own `post` makes an opener for each call, which takes longer than the call, and writes the message
        out for its log, read or not.
        """
        headers = {**self.request_headers, "Content-Type": "application/json"}
        url = self._build_url(None)  # http or https: the settings let no other pass
        request = Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
        request.wire = self._wire  # type: ignore[attr-defined]
        return Response(self._make_request(self._opener, request))
