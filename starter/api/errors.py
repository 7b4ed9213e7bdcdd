"""Turns every error that can end a request into a problem that its caller can act on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from temporalio.service import RPCError

from cadence.problems import DocumentError
from ledger.charging import ChargesRefused
from ledger.database import LedgerError
from starter.api.problems import ApiProblem, FieldProblem
from starter.session import Refusal

SOON = {"Retry-After": "5"}
# What a filter or a form names wrongly is no resource that is missing.
_WORDS = frozenset({
    "unknown_status", "unknown_scope", "unknown_channel", "unknown_segment", "unknown_queue",
    "unknown_currency",
})  # fmt: skip
_CONFLICTS = ("_already", "_claimed", "_closed", "_taken", "_conflict", "not_assigned")
_OF_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("malformed_body", "the body cannot be read; send JSON in UTF-8 with its Content-Type"),
    404: ("not_found", "there is nothing at this address; /openapi.json lists what there is"),
    405: ("method_not_allowed", "this address knows other methods only; the header Allow lists them"),
    408: ("too_slow", "the body came too slowly; send it again, or less at once"),
    413: ("too_large", "the body is larger than this address takes; send less at once"),
}


def as_problem(error: Exception) -> ApiProblem | None:
    """What a caller is told of an error; None where it was not foreseen. Words of others are never quoted."""
    for kind in type(error).__mro__:
        told = _TOLD.get(kind)
        if told is not None:
            return told(error)
    return None


def _of_http(error: HTTPException) -> ApiProblem:
    code, detail = _OF_STATUS.get(error.status_code, (f"http_{error.status_code}", "the request is refused"))
    return ApiProblem(error.status_code, code, detail, error.headers)


def _of_ledger(error: LedgerError) -> ApiProblem:
    if error.code.startswith("unknown_") and error.code not in _WORDS:
        status = 404
    else:
        status = 409 if error.code.endswith(_CONFLICTS) else 422
    return ApiProblem(status, error.code, str(error))


def _of_refusal(refusal: Refusal) -> ApiProblem:
    """An argument that is wrong, or an act for which the invoice does not stand as it must."""
    conflict = refusal.code.endswith(_CONFLICTS) or (refusal.field is None and refusal.code != "refused")
    wrong = (FieldProblem(field=refusal.field, problem=str(refusal)),) if refusal.field else ()
    return ApiProblem(409 if conflict else 422, refusal.code, str(refusal), errors=wrong)


def _of_document(error: DocumentError) -> ApiProblem:
    wrong = tuple(
        FieldProblem(field=each.field, line=each.line, problem=each.message) for each in error.problems
    )
    return ApiProblem(422, "invalid_document", "the document is not valid; see errors", errors=wrong)


def _of_validation(error: RequestValidationError) -> ApiProblem:
    found: Sequence[Any] = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return ApiProblem(400, "malformed_body", "the body is not JSON; check it with a JSON parser")
    if any(item["type"] == "model_attributes_type" and tuple(item["loc"]) == ("body",) for item in found):
        detail = "the body is no JSON object; send one, with the header Content-Type: application/json"
        return ApiProblem(422, "invalid_request", detail, errors=fields_of(found))
    wrong = fields_of(found)
    named = ", ".join(sorted({each.field for each in wrong}))
    return ApiProblem(422, "invalid_request", f"these fields are wrong: {named}; see errors", errors=wrong)


def fields_of(found: Sequence[Any]) -> tuple[FieldProblem, ...]:
    """Pydantic's errors, each with the field that is wrong and what it should be; what was given is not quoted."""
    return tuple(_field(item) for item in found)


def _field(item: Mapping[str, Any]) -> FieldProblem:
    """One of pydantic's errors; what was given is not quoted."""
    text = str(item["msg"]).removeprefix("Value error, ")
    return FieldProblem(field=".".join(map(str, item["loc"])), problem=text)


def _ledger_away(_error: Exception) -> ApiProblem:
    return ApiProblem(
        503, "ledger_away", "the ledger does not answer now; send the request again later", SOON
    )


def _temporal_away(_error: Exception) -> ApiProblem:
    return ApiProblem(
        503, "temporal_away", "Temporal does not answer now; send the request again later", SOON
    )


def _unfit(_error: Exception) -> ApiProblem:
    return ApiProblem(
        422,
        "unfit_value",
        "the ledger cannot keep one of these values; check texts for NUL, and numbers' size",
    )


# The first class of an error's own and its bases that is here decides.
_TOLD: Mapping[type, Callable[[Any], ApiProblem]] = {
    ApiProblem: lambda problem: problem,
    HTTPException: _of_http,
    RequestValidationError: _of_validation,
    ClientDisconnect: lambda _gone: _of_http(HTTPException(400)),
    ChargesRefused: lambda refused: ApiProblem(409, refused.code, str(refused)),
    LedgerError: _of_ledger,
    DocumentError: _of_document,
    Refusal: _of_refusal,
    DataError: _unfit,
    UnicodeError: _unfit,
    OperationalError: _ledger_away,
    # As the driver raises it itself, where a connection is found dead before a statement is sent.
    psycopg.OperationalError: _ledger_away,
    InterfaceError: _ledger_away,
    PoolTimeout: _ledger_away,
    ConnectionError: _ledger_away,
    TimeoutError: _ledger_away,
    RPCError: _temporal_away,
}
FORESEEN: Sequence[type] = tuple(_TOLD)
