"""Cadence documents: the ruler that a collections manager writes, as pydantic models."""

from datetime import time
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)

from cadence.branches import Branches
from cadence.creditor import Document
from cadence.naming import refuse_duplicates
from cadence.offsets import Anchor
from cadence.problems import MisplacedError, Path
from cadence.spans import Clock, Weekday
from cadence.steps import Step
from cadence.words import Debtor, Line, Slug


class Roll(StrEnum):
    """Where a day goes that is no business day."""

    FORWARD = "forward"
    BACKWARD = "backward"
    NONE = "none"


class BusinessCalendar(Document):
    """Which days are business days: `country` is an ISO 3166 code, or `customer` for where the customer is."""

    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|customer)$")] = "customer"
    subdivision: str | None = None
    roll: Roll = Roll.FORWARD


class Window(Document):
    """When a person may be contacted, in the customer's local time; holidays of the calendar are never open."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri")
    opens: Clock = time(9)
    closes: Clock = time(18)

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens >= self.closes:
            message = (
                f"the window opens at {self.opens:%H:%M} and closes at {self.closes:%H:%M}: no time is left"
            )
            raise ValueError(message)
        return self


class Cadence(Document):
    """A cadence document. `queue` takes every case that no step or branch names a queue for.

    `group_by: customer` lets reminders of one customer that fall due for one channel together leave as one message.
    `debtors` says whom its segments hold: some contact rules protect consumers alone. Without it, all rules apply.
    """

    name: Slug
    title: Line
    segments: Annotated[tuple[Slug, ...], Field(min_length=1)]
    debtors: Debtor | None = None
    group_by: Literal["customer"] | None = None
    calendar: BusinessCalendar = BusinessCalendar()
    window: Window = Window()
    stages: Annotated[tuple[Slug, ...], Field(min_length=1)]
    queue: Slug = "collections"
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    branches: Branches = Branches()

    @model_validator(mode="after")
    def _steps_stand_in_order(self) -> Self:
        refuse_duplicates("stage", [(stage, ("stages", i)) for i, stage in enumerate(self.stages)])
        refuse_duplicates("step id", [(step.id, ("steps", i, "id")) for i, step in enumerate(self.steps)])
        furthest = 0
        for index, step in enumerate(self.steps):
            place: Path = ("steps", index, "stage")
            if step.stage not in self.stages:
                message = f"{step.stage!r} is not among the cadence's stages: {', '.join(self.stages)}"
                raise MisplacedError(message, place)
            if self.stages.index(step.stage) < furthest:
                message = f"{step.stage!r} comes after a later stage; write the steps stage by stage"
                raise MisplacedError(message, place)
            furthest = self.stages.index(step.stage)
        if self.steps[0].at.anchor is Anchor.PREVIOUS:
            message = "the first step has no step before it; anchor it to due or issued"
            raise MisplacedError(message, ("steps", 0, "at"))
        return self

    def step(self, step_id: str) -> Step | None:
        """The step of that id, if this version has one."""
        return next((step for step in self.steps if step.id == step_id), None)
