"""What other systems feed: customers, contacts and invoices as JSON, checked and brought into our forms."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from cadence.words import Channel, Language, Line, Slug
from ledger.customer_intake import ContactIntake, CustomerIntake
from ledger.intake import END_OF_DAYS, FIRST_DAY, InvoiceTerms
from starter import cells as read
from starter.places import is_zone_assumed, usual_language, usual_zone
from starter.written import WrittenDay

_AMOUNT = r"^[0-9]{1,9}([.][0-9]{1,4})?$"


def _by_region(text: str, info: ValidationInfo) -> str:
    """A number that is written without + is one of the customer's country."""
    return read.phone(text, info.data.get("country"))


def _usual(given: object, info: ValidationInfo, usual: Callable[[str], Any], example: str) -> object:
    """What a country tells where the request is silent, if there is no doubt."""
    country = info.data.get("country")
    if given is not None or country is None:
        return given
    found = usual(country)
    if found is None:
        raise ValueError(f"is missing, and {country} has more than one; write it as {example}")
    return found


def _amount(given: object) -> object:
    if not isinstance(given, str):
        raise ValueError('an amount is text with a point for the decimals, such as "1250.00"')  # noqa: TRY004 - pydantic's form
    return given


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Email = Annotated[str, AfterValidator(read.email), Field(max_length=254)]
Phone = Annotated[str, AfterValidator(_by_region), Field(max_length=40)]
Key = Annotated[Line, Field(max_length=60)]
ToldDay = Annotated[WrittenDay, Field(ge=FIRST_DAY, lt=END_OF_DAYS)]
Country = Annotated[str, AfterValidator(read.country), WithJsonSchema({"type": "string", "example": "BR"})]
Amount = Annotated[
    Decimal, BeforeValidator(_amount), Field(gt=0), WithJsonSchema({"type": "string", "pattern": _AMOUNT})
]


class CustomerTold(_Told):
    """A customer; the addresses are those of whoever receives the invoices.

    Language and zone may be left out where the country tells them. Phones without + are the country's.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Padaria Exemplo Ltda.",
                "segment": "smb",
                "country": "BR",
                "subdivision": "SP",
                "timezone": "America/Sao_Paulo",
                "email": "financeiro@padaria.example.com",
                "whatsapp": "+5511900000101",
            }
        }
    )

    name: Annotated[Line, Field(max_length=60)]
    segment: Slug
    country: Country
    language: Annotated[Language | None, Field(validate_default=True)] = None
    subdivision: str | None = None
    timezone: Annotated[str | None, Field(validate_default=True)] = None
    email: Email | None = None
    phone: Phone | None = None
    whatsapp: Phone | None = None
    consents: tuple[Channel, ...] = ()

    @field_validator("subdivision")
    @classmethod
    def _is_in_its_country(cls, given: str | None, info: ValidationInfo) -> str | None:
        return None if given is None else read.subdivision(given, info.data.get("country"))

    @field_validator("language", mode="before")
    @classmethod
    def _country_tells_language(cls, given: object, info: ValidationInfo) -> object:
        return _usual(given, info, usual_language, "pt-BR")

    @field_validator("timezone", mode="before")
    @classmethod
    def _country_tells_zone(cls, given: object, info: ValidationInfo) -> object:
        if given is None:
            _usual(given, info, usual_zone, "America/Sao_Paulo")
        return read.zone(given) if isinstance(given, str) else given

    def intake(self, key: str) -> CustomerIntake:
        """The customer `key` as the ledger takes it in."""
        given = self.model_dump(exclude={"type", "key", "name", "timezone"})
        zone, assumed = self.timezone, self.timezone is None and is_zone_assumed(self.country)
        return CustomerIntake(
            customer=key, customer_name=self.name, zone=zone or usual_zone(self.country) or "", zone_assumed=assumed, **given,
        )  # fmt: skip


class ContactTold(_Told):
    """A person at a customer, by a role such as `billing` (whom Régua writes to), `approver` or `owner`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"role": "billing", "name": "Ana Exemplo", "email": "ana@padaria.example.com"}
        }
    )

    role: Slug
    name: Annotated[Line, Field(max_length=60)]
    language: Language | None = None
    email: Email | None = None
    phone: Phone | None = None
    whatsapp: Phone | None = None

    def intake(self, customer: str, key: str) -> ContactIntake:
        """The contact `key` of a customer as the ledger takes it in."""
        return ContactIntake(
            customer=customer, contact=key, **self.model_dump(exclude={"type", "key", "customer"})
        )


class InvoiceTold(_Told):
    """An invoice of a customer who is known. Without `issued_on` it is of today, or of its due date if sooner."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "customer": "C-1042",
                "due_on": "2027-01-15",
                "amount": "1250.00",
                "currency": "BRL",
                "payment_method": "pix",
            }
        }
    )

    customer: Key
    due_on: ToldDay
    issued_on: ToldDay | None = None
    amount: Amount
    currency: Annotated[str, AfterValidator(read.currency)]
    payment_method: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_-]{0,59})?$")] = ""
    stage: Slug | None = None
    pix_txid: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,35}$")] | None = None
    payment_reference: Annotated[Line, Field(max_length=60)] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "InvoiceTold":
        if self.issued_on and self.due_on < self.issued_on:
            raise ValueError(f"due_on: {self.due_on} lies before the issue date {self.issued_on}; check both")
        if read.too_fine(self.amount, self.currency):
            raise ValueError(f"amount: it has more decimals than {self.currency}")
        return self

    def intake(self, number: str, today: date) -> InvoiceTerms:
        """The invoice `number` as the ledger takes it in; `today` is the date in the creditor's zone."""
        given = self.model_dump(exclude={"type", "number", "issued_on"})
        return InvoiceTerms(number=number, issued_on=self.issued_on or min(today, self.due_on), **given)


class CustomerLine(CustomerTold):
    """A line of a feed that tells a customer."""

    type: Literal["customer"]
    key: Key


class ContactLine(ContactTold):
    """A line of a feed that tells a contact."""

    type: Literal["contact"]
    key: Key
    customer: Key


class InvoiceLine(InvoiceTold):
    """A line of a feed that tells an invoice."""

    type: Literal["invoice"]
    number: Annotated[Line, Field(max_length=30)]


FeedLine = Annotated[CustomerLine | ContactLine | InvoiceLine, Field(discriminator="type")]
FEED_LINE: TypeAdapter[CustomerLine | ContactLine | InvoiceLine] = TypeAdapter(FeedLine)


def intake_of(
    line: CustomerLine | ContactLine | InvoiceLine, today: date
) -> CustomerIntake | ContactIntake | InvoiceTerms:
    """A line as the ledger takes it in."""
    if isinstance(line, CustomerLine):
        return line.intake(line.key)
    return (
        line.intake(line.customer, line.key)
        if isinstance(line, ContactLine)
        else line.intake(line.number, today)
    )
