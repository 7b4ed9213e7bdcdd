"""One mark on the ruler: when, in which stage, and one thing to do."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    WithJsonSchema,
    model_validator,
)

from cadence.conditions import Condition
from cadence.creditor import Document
from cadence.offsets import WrittenOffset
from cadence.sends import Send
from cadence.spans import Span
from cadence.words import Slug


class OpenCase(Document):
    """Work for a person: the queue it goes to and what is to be done, as a code."""

    queue: Slug
    reason: Slug


class HandOver(Document):
    """Close the invoice and give it to somebody outside, named by a code."""

    to: Slug


class WriteOff(Document):
    """Close the invoice as lost; `reason` is a code."""

    reason: Slug


class MissedPolicy(StrEnum):
    """What becomes of a step whose day passed while nothing could be done."""

    SEND = "send"
    COLLAPSE = "collapse"
    ASK = "ask"
    SKIP_AFTER = "skip_after"


class Missed(Document):
    """A missed-step policy: `send`, `collapse`, `ask`, or `skip_after` with a length of time."""

    policy: MissedPolicy
    skip_after: Span | None = None

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read `send`, `collapse`, `ask` or `skip_after: 2d`."""
        if isinstance(value, str) and value in {"send", "collapse", "ask"}:
            return {"policy": value}
        if isinstance(value, dict) and set(value) == {"skip_after"}:
            return {"policy": "skip_after", "skip_after": value["skip_after"]}
        if isinstance(value, dict) and "policy" in value and value["policy"] != "skip_after":
            return value
        if isinstance(value, dict) and value.get("skip_after") is not None:
            return value
        message = f"{value!r} is no policy for a missed step; write send, collapse, ask, or 'skip_after: 2d'"
        raise ValueError(message)


MISSED_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"enum": ["send", "collapse", "ask"]},
            {
                "type": "object",
                "properties": {"skip_after": {"type": "string", "pattern": r"^\d{1,3}[hdw]$"}},
                "required": ["skip_after"],
                "additionalProperties": False,
            },
        ]
    }
)


class Approval(Document):
    """Whose leave a step needs: asked when it falls due, reminded every `remind`, waited for `within`.

    `otherwise` says what becomes of the step when nobody answers: `skip`, `send` (it goes) or `ask` (a case opens).
    """

    by: Literal["manager"] = "manager"
    remind: Span = timedelta(days=2)
    within: Span = timedelta(days=5)
    otherwise: Literal["skip", "send", "ask"] = "skip"

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        """Read `manager`, or the keys."""
        return {"by": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _reminds_in_time(self) -> Self:
        if self.remind >= self.within:
            message = "nobody would be reminded: 'remind' is no shorter than 'within', when the time is out"
            raise ValueError(message)
        return self


APPROVAL_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"const": "manager"},
            {
                "type": "object",
                "properties": {
                    "by": {"const": "manager"},
                    "remind": {"type": "string", "pattern": r"^\d{1,3}[hdw]$", "default": "2d"},
                    "within": {"type": "string", "pattern": r"^\d{1,3}[hdw]$", "default": "5d"},
                    "otherwise": {"enum": ["skip", "send", "ask"], "default": "skip"},
                },
                "additionalProperties": False,
            },
        ]
    }
)


class Step(Document):
    """One mark on the ruler: when, in which stage, and exactly one thing to do."""

    id: Slug
    at: WrittenOffset
    stage: Slug
    send: Send | None = None
    open_case: OpenCase | None = None
    hand_over: HandOver | None = None
    write_off: WriteOff | None = None
    when: Condition | None = None
    missed: Annotated[Missed | None, MISSED_SCHEMA] = None
    approval: Annotated[Approval | None, APPROVAL_SCHEMA] = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        actions = [a for a in (self.send, self.open_case, self.hand_over, self.write_off) if a is not None]
        if len(actions) != 1:
            message = "a step does exactly one thing: send, open_case, hand_over or write_off"
            raise ValueError(message)
        if self.open_case and self.approval:
            message = "a case is for a person to decide on anyway; leave its approval out"
            raise ValueError(message)
        return self

    @property
    def missed_policy(self) -> Missed:
        """The step's own policy; by default messages collapse and work for people is done late."""
        default = MissedPolicy.COLLAPSE if self.send else MissedPolicy.SEND
        return self.missed or Missed(policy=default)
