"""Knows which templates exist, in which languages and channels, and which variables each one uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from cadence.words import Channel, Language
from templates.environment import text_of
from templates.errors import TemplateError
from templates.labels import ROOT

PROVIDED_VARIABLES = frozenset(
    {
        "amount", "balance", "creditor_name", "credited_amount", "customer_name", "days_overdue", "days_until_due",
        "dispute_contact", "disputed_amount", "due_on", "due_when", "instalment_amount",
        "instalment_on", "invoice_number", "issued_on", "oldest_due_on",
        "open_invoices", "opt_out_line", "paid_on_time", "pay_lines", "pay_short", "pay_text", "pay_url",
        "payment_amount", "phone", "plan_instalments", "plan_lines", "plan_total",
        "promised_amount", "promised_on", "reference", "reply_to", "total",
    }
)  # fmt: skip
"""Every name a template may use; docs/templates.md says what each one holds."""


class Kind(StrEnum):
    """A reminder asks for money; a notice answers the customer."""

    REMINDER = "reminder"
    NOTICE = "notice"


class Entry(BaseModel):
    """One template in catalog.yaml: `facts` are the rows of the e-mail's table, `payment` its box on paying."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    facts: tuple[str, ...]
    payment: bool


@dataclass(frozen=True)
class Catalog:
    """Every shipped template, by name, in the order of catalog.yaml."""

    entries: Mapping[str, Entry]
    languages: tuple[str, ...] = tuple(Language)

    @classmethod
    @cache
    def load(cls) -> "Catalog":
        """Read catalog.yaml once; raises pydantic's ValidationError where it is not well-formed."""
        document = yaml.load((ROOT / "catalog.yaml").read_text("utf-8"), yaml.CSafeLoader)
        return cls(TypeAdapter(dict[str, Entry]).validate_python(document))

    @property
    def names(self) -> tuple[str, ...]:
        """The templates a cadence may name."""
        return tuple(self.entries)

    @property
    def provided(self) -> frozenset[str]:
        """The variables a template may use."""
        return PROVIDED_VARIABLES

    def entry(self, template: str) -> Entry:
        """Return what the catalog says of `template`; TemplateError `unknown_template`."""
        if template not in self.entries:
            raise TemplateError("unknown_template", template=template, language="", channel="*")
        return self.entries[template]

    def kind(self, template: str) -> Kind:
        """Say whether `template` asks for money or answers the customer."""
        return self.entry(template).kind

    def channels_of(self, template: str, language: str) -> tuple[str, ...]:
        """Return the channels for which `template` has a text in `language`, in a fixed order."""
        self.entry(template)
        return tuple(ch for ch in Channel if (ROOT / language / f"{template}.{ch}.j2").is_file())

    def variables_of(self, template: str, channel: str, language: str) -> frozenset[str]:
        """Return the names the text needs, an e-mail's table included; TemplateError `missing_text`, `syntax`."""
        entry = self.entry(template)
        needed = text_of(template, channel, language).variables
        if channel != Channel.EMAIL:
            return needed
        return needed | frozenset(entry.facts) | (frozenset({"pay_lines"}) if entry.payment else frozenset())
