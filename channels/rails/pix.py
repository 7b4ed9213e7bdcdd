"""Pix in the shape of Brazil's central bank: payments and their devolutions, read again from the PSP's API.

The body is that of the central bank's Pix API (bacen.github.io/pix-api): {"pix": [...]}. The PSP proves itself
by mutual TLS, which ends at the proxy; the proxy passes a secret in a header.
"""

import hmac
import time
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import httpx
from pydantic import BeforeValidator, Field, SecretStr
from typing_extensions import override

from channels.rails import asking
from channels.rails.bodies import Amount, Body, Instant, json_object, json_text, of_kind, plain, read_as
from channels.rails.money import Entry, MalformedWebhook, MoneyNote, NotConfirmed, ProviderAway, Rail
from channels.rails.signing import accept_only, header, octets

EndToEndId = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,64}$")]
_RETURNED = "DEVOLVIDO"


def _listed(value: object) -> object:
    """Some PSPs write null for an empty list."""
    return value if value is not None else ()


class _Times(Body):
    solicitacao: Instant | None = None
    liquidacao: Instant | None = None


class _Devolution(Body):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,64}$")]
    valor: Amount
    status: str
    horario: _Times = _Times()


class _Debtor(Body):
    nome: str | None = None


class _Pix(Body):
    endToEndId: EndToEndId  # noqa: N815  # the central bank's spelling
    valor: Amount
    horario: Instant
    txid: str | None = None
    infoPagador: str | None = None  # noqa: N815  # the central bank's spelling
    pagador: _Debtor | None = None
    devolucoes: Annotated[tuple[_Devolution, ...], BeforeValidator(_listed)] = ()


class _Keyed(Body):
    endToEndId: EndToEndId  # noqa: N815  # the central bank's spelling
    devolucoes: Annotated[tuple[dict[str, Any], ...], BeforeValidator(_listed)] = ()


class _Batch(Body):
    pix: Annotated[list[dict[str, Any]], Field(max_length=10_000)]


class _Kept(Body):
    """What the inbox holds: one Pix, and which of its devolutions this entry is about."""

    pix: _Pix
    devolution: str | None = None


class _Token(Body):
    access_token: Annotated[str, Field(min_length=1)]
    expires_in: Annotated[float, Field(gt=0)] = 60


class PixApi:
    """The PSP's API, with a token by OAuth client credentials; the token is kept until shortly before its end."""

    def __init__(
        self, base_url: str, token_url: str, client_id: str, secret: SecretStr, timeout: float
    ) -> None:
        self._base_url, self._token_url, self._timeout = base_url, token_url, timeout
        self._credentials = (client_id, secret)
        self._token, self._token_until = "", 0.0

    async def pix(self, end_to_end_id: str) -> dict[str, Any] | None:
        """What the PSP says of a Pix; None where it knows none. Raises `ProviderAway`."""
        async with asking.client(self._base_url, self._timeout) as http:
            for last in (False, True):
                headers = {"Authorization": f"Bearer {await self._bearer(http)}"}
                try:
                    return await asking.get(http, f"/pix/{end_to_end_id}", headers)
                except ProviderAway as away:
                    # A token may be withdrawn before its time: a new one, once.
                    if last or away.code != "http_401":
                        raise
                    self._token_until = 0.0
        raise AssertionError("the second try returns or raises")

    async def _bearer(self, http: httpx.AsyncClient) -> str:
        if time.monotonic() < self._token_until:
            return self._token
        client_id, secret = self._credentials
        try:
            answer = await http.post(
                self._token_url,
                data={"grant_type": "client_credentials"},
                auth=(client_id, secret.get_secret_value()),
            )
        except httpx.HTTPError as error:
            raise ProviderAway(type(error).__name__) from None
        try:
            token = read_as(_Token, asking.answered(answer))
        except MalformedWebhook:
            raise ProviderAway("no_token") from None
        self._token, self._token_until = token.access_token, time.monotonic() + token.expires_in * 0.9
        return self._token


class PixRail(Rail):
    """A secret in a header, compared in constant time; the inbox's keys are endToEndId and devolutions' ids.

    A payment's id is its endToEndId, a devolution's endToEndId:id. Without `api` the PSP's word is taken.
    """

    source = "pix"
    answer_status = 200

    def __init__(self, secret: SecretStr, header_name: str, api: PixApi | None) -> None:
        self._secret = secret.get_secret_value().encode()
        self._header_name = header_name
        self._api = api

    @override
    def verify(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
        accept_only(hmac.compare_digest(octets(header(headers, self._header_name)), self._secret))

    @override
    def entries(self, raw: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> list[Entry]:
        batch = read_as(_Batch, json_object(raw))
        return [entry for element in batch.pix for entry in _entries_of(element)]

    @override
    async def read(self, body: str) -> list[MoneyNote]:
        kept = read_as(_Kept, json_object(body))
        note = _note(kept)
        if self._api is not None:
            truth = await self._api.pix(kept.pix.endToEndId)
            if truth is None:
                raise NotConfirmed("unknown_to_provider", (note,))
            known = asking.understood(_Pix, truth, (note,))
            _agree(note, kept.devolution, known)
            # The header's secret says less than the PSP's own word: what is paid is what that one names.
            told = {"endToEndId": kept.pix.endToEndId, "pagador": known.pagador or kept.pix.pagador}
            note = _note(kept.model_copy(update={"pix": known.model_copy(update=told)}))
        return [note]


def _entries_of(element: dict[str, Any]) -> list[Entry]:
    keyed = read_as(_Keyed, element)
    identity = keyed.endToEndId
    entries = [Entry(identity, json_text({"pix": element}))]
    for told in keyed.devolucoes:
        if told.get("status") == _RETURNED:
            devolution = read_as(_Devolution, told).id
            # Of a Pix that was returned in many parts, each entry keeps its own part alone.
            body = json_text({"pix": {**element, "devolucoes": [told]}, "devolution": devolution})
            entries.append(Entry(f"{identity}:{devolution}:{_RETURNED}", body))
    return entries


def _note(kept: _Kept) -> MoneyNote:
    pix = kept.pix
    if kept.devolution is not None:
        return _reversal(pix, next(each for each in pix.devolucoes if each.id == kept.devolution))
    return MoneyNote(
        kind="payment",
        id=pix.endToEndId,
        amount=pix.valor,
        currency="BRL",
        at=pix.horario,
        method="pix",
        references=(
            *of_kind("pix_txid", pix.txid),
            *of_kind("provider", pix.endToEndId),
            *of_kind("text", pix.infoPagador),
        ),
        payer=plain(pix.pagador.nome) if pix.pagador else None,
    )


def _reversal(pix: _Pix, devolution: _Devolution) -> MoneyNote:
    return MoneyNote(
        kind="reversal",
        id=f"{pix.endToEndId}:{devolution.id}",
        amount=devolution.valor,
        currency="BRL",
        at=devolution.horario.liquidacao or devolution.horario.solicitacao or pix.horario,
        method="pix",
        of=pix.endToEndId,
    )


def _agree(note: MoneyNote, devolution: str | None, truth: _Pix) -> None:
    """Raise `NotConfirmed` unless the PSP says the same of this Pix, or of its devolution."""
    if devolution is None:
        amount: Decimal | None = truth.valor
    else:
        returned = [each for each in truth.devolucoes if each.id == devolution]
        amount = next((each.valor for each in returned if each.status == _RETURNED), None)
    if amount is None:
        raise NotConfirmed("status_differs", (note,))
    if amount != note.amount:
        raise NotConfirmed("amount_differs", (note,))
