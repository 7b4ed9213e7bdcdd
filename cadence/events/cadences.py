"""By which cadence an invoice goes on."""

from typing import Annotated, Literal

from pydantic import Field

from cadence.events.base import Fact
from cadence.words import Slug

Number = Annotated[int, Field(ge=1)]


class CadenceChanged(Fact):
    """The invoice moved to another version of its cadence, or to another cadence.

    `stage` is the stage of the new one that it had reached; `escalated` that somebody had moved it there and nothing
    of that stage was said yet.
    """

    type: Literal["cadence_changed"] = "cadence_changed"
    cadence: Slug
    version: Number
    before: Slug
    before_version: Number
    stage: Slug | None = None
    escalated: bool = False
