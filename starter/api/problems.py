"""Errors as problem documents (RFC 9457), each with a stable code and a sentence that says what to do."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One field of a request that is wrong, and what it should be; in a document, with its line from 1."""

    field: str
    problem: str
    line: int | None = None


class ApiProblem(Exception):
    """A request that is not carried out. `code` is stable; the text says what is wrong, where, and what to do."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: tuple[FieldProblem, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.headers, self.errors = status, code, dict(headers or {}), errors


class Problem(BaseModel):
    """What is answered to a request that is not carried out (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "/problems/unknown_invoice",
                "title": "Not Found",
                "status": 404,
                "detail": "no invoice 'INV-9' is known",
                "code": "unknown_invoice",
                "request_id": "0e5f7c1ad2b94c1c8e7f6a5b4c3d2e1f",
                "errors": [],
            }
        }
    )

    type: str = Field(description="/problems/ and the code.")
    title: str
    status: int
    detail: str = Field(description="What is wrong, where, and what to do.")
    code: str = Field(description="Stable: programs decide by this.")
    request_id: str = Field(description="The X-Request-Id of the answer: what to quote when asking for help.")
    errors: list[FieldProblem] = []


def problem_answer(problem: ApiProblem, request_id: str) -> JSONResponse:
    """The answer that tells a caller of a problem."""
    body = Problem(
        type=f"/problems/{problem.code}",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=str(problem),
        code=problem.code,
        request_id=request_id,
        errors=list(problem.errors),
    )
    return JSONResponse(body.model_dump(), problem.status, problem.headers, MEDIA_TYPE)
