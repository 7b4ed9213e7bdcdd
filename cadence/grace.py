"""Grace: how many business days money may take to show, by the way it is paid."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from cadence.words import Slug


def _by_method(value: Any) -> Any:
    return value if isinstance(value, dict) else {OTHER_METHODS: value}


def _say_the_rest(grace: dict[str, int]) -> dict[str, int]:
    if OTHER_METHODS not in grace:
        message = (
            f"the grace says nothing of other ways to pay; add {OTHER_METHODS}, such as {OTHER_METHODS}: 1"
        )
        raise ValueError(message)
    return grace


OTHER_METHODS = "default"
GRACE_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": 10},
            {
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 10},
                "required": [OTHER_METHODS],
            },
        ],
        "examples": [1, {OTHER_METHODS: 1, "boleto": 3, "transfer": 2}],
    }
)
# How many business days money may take to show, by the way it is paid.
Grace = Annotated[
    dict[Slug, Annotated[int, Field(ge=0, le=10)]],
    BeforeValidator(_by_method),
    AfterValidator(_say_the_rest),
    GRACE_SCHEMA,
]


def grace_by(grace: Mapping[str, int], method: str) -> int:
    """How many business days money may take to show that is paid by `method`, a code; empty is any other."""
    return grace.get(method, grace[OTHER_METHODS])
