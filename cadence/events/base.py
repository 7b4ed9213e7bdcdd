"""What every event is made of."""

from cadence.frozen import Frozen
from cadence.words import Channel


class Fact(Frozen):
    """A fact in the past tense."""


class OfStep(Fact):
    """A fact about one occurrence of a step."""

    step: str
    occurrence: int = 1


class OfMessage(OfStep):
    """A fact about one message of a step."""

    channel: Channel
