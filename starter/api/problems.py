"""Errors as problem documents (RFC 9457), each with a stable code and a sentence that says what to do."""

from collections.abc import Mapping


class ApiProblem(Exception):
    """A request that is not carried out. `code` is stable; the text says what is wrong, where, and what to do."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.headers = status, code, dict(headers or {})
