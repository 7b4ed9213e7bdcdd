"""What every event is made of."""

from pydantic import BaseModel, ConfigDict

from cadence.words import Channel


class Fact(BaseModel):
    """A fact in the past tense; it never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OfStep(Fact):
    """A fact about one occurrence of a step."""

    step: str
    occurrence: int = 1


class OfMessage(OfStep):
    """A fact about one message of a step."""

    channel: Channel
