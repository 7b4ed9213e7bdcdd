"""What is written of a law or a contract holds from a day on, and perhaps to another."""

from datetime import date
from typing import Self

from pydantic import model_validator

from cadence.creditor import Document


class Dated(Document):
    """Something that holds from a day to a day, both of which count; without an end, until further notice."""

    effective_from: date
    effective_until: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.effective_until and self.effective_until < self.effective_from:
            message = "effective_until lies before effective_from"
            raise ValueError(message)
        return self

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.effective_from <= day and (self.effective_until is None or day <= self.effective_until)
