"""Leave for a step: asked for, reminded of, given, refused, or not given in time."""

from typing import Literal

from cadence.events.base import OfStep
from cadence.words import Slug


class ApprovalAsked(OfStep):
    """The step fell due, and somebody was asked whether it may go; `by` is the role of who may say so."""

    type: Literal["approval_asked"] = "approval_asked"
    by: Slug


class ApprovalReminded(OfStep):
    """Nobody said yes or no so far, and was asked again."""

    type: Literal["approval_reminded"] = "approval_reminded"


class ApprovalGiven(OfStep):
    type: Literal["approval_given"] = "approval_given"


class ApprovalRefused(OfStep):
    """The step is not to go; the later ones do."""

    type: Literal["approval_refused"] = "approval_refused"
    reason: Slug = "unspecified"


class ApprovalTimedOut(OfStep):
    """Nobody said yes or no in time: the cadence says what becomes of the step."""

    type: Literal["approval_timed_out"] = "approval_timed_out"
