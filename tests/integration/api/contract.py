"""The service as its OpenAPI document describes it: requests drawn from the document, sent over HTTP, and judged."""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import time
from typing import Any, TypeAlias

import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy, one_of
from jsonschema_rs import validator_for
from schemathesis import Case, GenerationMode, Response, SerializationContext, openapi, serializer
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
)

from starter.api.problems import MEDIA_TYPE
from starter.api.roles import Role

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
Drawn: TypeAlias = Case[Any]

LINES = "application/x-ndjson"
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What is there, by the path up to its parameter: a `name` is of a message, a token or a cadence.
KNOWN: Mapping[str, Sequence[Any]] = {
    "/v1/invoices/{number}": ("A-1", "A-2", "2026/0001", "50%_OFF"),
    "/v1/customers/{key}": ("C-1", "C-2", "C-3"),
    "/v1/customers/{key}/contacts/{contact}": ("ana",),
    "/v1/conversations/{key}": ("C-1", "C-2"),
    "/v1/cases/{case_id}": (1, 2),
    "/v1/unmatched-payments/{unmatched_id}": (1, 2),
    "/v1/webhook-endpoints/{endpoint_id}": (1, 2),
    "/v1/jobs/{job_id}": (1,),
    "/v1/messages/{name}": ("1",),
    "/v1/tokens/{name}": ("spare",),
    "/v1/cadences/{name}": ("short",),
    "/v1/cadences/{name}/versions/{version}": (1,),
    "/payments/{rail}": ("stripe", "pix", "asaas", "mercadopago"),
    "/v1/halts/{scope}": ("segment",),
    "/v1/halts/{scope}/{value}": ("standard", "nobodys"),
}


class Contract:
    """A running service, its document as it serves it, and a token for each role."""

    def __init__(self, url: str, tokens: Mapping[Role, str], session: requests.Session) -> None:
        self.url, self.tokens, self.session = url, tokens, session
        self.document: dict[str, Any] = session.get(f"{url}/openapi.json").json()
        # Who calls is for the test to choose.
        config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
        self.schema = openapi.from_dict(self.document, config=config)

    def call(self, case: Drawn, role: Role | None) -> Response:
        """The answer to a case with the token of a role, or with none."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.tokens[role]}"}
        return case.call(self.url, session=self.session, headers=headers)

    def call_signed(self, case: Drawn, secret: str, webhook_id: str) -> Response:
        """The answer to a case that is signed as a Standard Webhook, whatever it is."""
        request = requests.Request(**case.as_transport_kwargs(self.url)).prepare()
        body, stamp = request.body or b"", str(int(time()))
        raw = body.encode() if isinstance(body, str) else body
        # Not by the library, which signs nothing that is not UTF-8.
        key = base64.b64decode(secret.removeprefix("whsec_"))
        mac = hmac.digest(key, b".".join((webhook_id.encode(), stamp.encode(), raw)), "sha256")
        request.headers["webhook-id"], request.headers["webhook-timestamp"] = webhook_id, stamp
        request.headers["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
        return Response.from_any(self.session.send(request))


def judge(case: Drawn, answer: Response, *, let_in: bool = True) -> None:
    """Raise where an answer is not as the document says, or bad data of a caller who may was not refused."""
    status, documented = answer.status_code, case.operation.definition.raw["responses"]
    checks = [*CHECKS]
    if "503" not in documented:
        checks.append(not_a_server_error)
    if let_in and case.media_type != LINES:  # among lines, each is refused by itself
        checks.append(negative_data_rejection)
    case.validate_response(answer, checks=checks)
    if status < 400:
        # `default` is of refusals alone, whatever their status.
        assert str(status) in documented, f"{case.operation.label} answers {status}, which is not documented"
    elif answer.headers["content-type"] == [MEDIA_TYPE]:
        assert answer.json()["status"] == status


def examples(document: Mapping[str, Any], operation: Operation) -> list[tuple[str, Any]]:
    """The examples of an operation's body, each with its media type; raise where one does not fit its own schema."""
    found = []
    for media_type, content in operation.definition.raw.get("requestBody", {"content": {}})[
        "content"
    ].items():
        schema, named = content["schema"], content.get("examples", {})
        of_schema = document["components"]["schemas"].get(schema.get("$ref", "").split("/")[-1], {})
        given = [each["value"] for each in named.values()]
        given += [each["example"] for each in (content, of_schema) if "example" in each]
        validator = validator_for({**schema, "components": document["components"]})
        for example in given:
            validator.validate(example)
        assert given, f"{operation.label} shows no example of {media_type}"
        found += [(media_type, example) for example in given]
    return found


@serializer(LINES)
def _lines(_context: SerializationContext, text: object) -> bytes:
    return str(text).encode()


def drawn(operation: Operation, count: int, *, seeded: bool) -> list[Drawn]:
    """About `count` cases that fit the document and as many that do not; `seeded` draws the same each time.

    Half of them are about what is there, because what is drawn hits nothing.
    """
    good, bad = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    drawings = [operation.as_strategy(mode) for mode in (good, bad)]
    named = known(operation.path)
    # Where nothing but the path can be wrong, nothing is left to draw.
    for mode in (good, bad) if operation.body else (good,):
        drawings += (
            [one_of([operation.as_strategy(mode, path_parameters=each) for each in named])] if named else []
        )
    each = max(1, 2 * count // len(drawings))
    return [case for drawing in drawings for case in collected(drawing, each, seeded=seeded)]


def collected(drawing: SearchStrategy[Drawn], count: int, *, seeded: bool) -> list[Drawn]:
    """So many cases at most; none where nothing can be drawn."""
    found: list[Drawn] = []

    @settings(
        max_examples=count,
        derandomize=seeded,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawing)
    def collect(case: Drawn) -> None:
        found.append(case)

    with suppress(Unsatisfiable):  # nothing about the operation can be wrong
        collect()
    return found


def known(path: str) -> list[dict[str, Any]]:
    """The parameters of a path that lead to what is there; none for a path without any."""
    places = [found.end() for found in re.finditer(r"{\w+}", path)]
    names = re.findall(r"{(\w+)}", path)
    values = [KNOWN[path[:place]] for place in places if path[:place] in KNOWN]
    count = max(map(len, values), default=0)
    return [
        {name: value[number % len(value)] for name, value in zip(names, values, strict=False)}
        for number in range(count)
    ]
