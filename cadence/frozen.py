"""What all events and facts are made of."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value that never changes, and knows no other field."""

    model_config = ConfigDict(frozen=True, extra="forbid")
