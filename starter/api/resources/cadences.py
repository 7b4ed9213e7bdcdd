"""Cadences: judged, previewed, read and published, as the documents that people write."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import to_jsonable_python

from cadence.foreseeing import CapForeseen
from cadence.problems import DocumentError
from cadence.words import Language
from ledger import publishing
from ledger.publishing import PublishedCadence
from starter.api.etags import answer, require_match
from starter.api.identity import may
from starter.api.paging import Page
from starter.api.problems import ApiProblem
from starter.api.resources.words import Order, Reader, Serving
from starter.api.roles import Permission
from starter.api.service import Caller, Service
from starter.publish import judge_text
from starter.rulers import EXAMPLE_ISSUED, example, example_place

router = APIRouter(tags=["cadences"])

Publisher = Annotated[Caller, Depends(may(Permission.PUBLISH_CADENCE))]
# Long documents take long to judge; the shipped ones have 6,000 characters at most.
MOST_TEXT = 60_000

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
Country = Annotated[
    str | None, Query(pattern=r"^[A-Z]{2}$", description="The example customer's country, such as BR.")
]
Due = Annotated[date | None, Query(description="The example's due date; in 30 days if left out.")]
Tongue = Annotated[Language | None, Query(description="The example customer's language.")]


class CadenceOrder(Order):
    """A cadence document, in YAML."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "yaml": "name: gentle\ntitle: A gentle ruler\nsegments: [gentle]\nstages: [courtesy]\nsteps:\n"
                "  - id: courtesy\n    at: due - 3d\n    stage: courtesy\n"
                "    send: {template: upcoming, channels: [email]}\n"
            }
        }
    )

    yaml: Annotated[str, StringConstraints(min_length=1, max_length=MOST_TEXT)]


class CadenceLine(BaseModel):
    """A version of a cadence in a list. `open_invoices` keep to it; new ones start with the latest of its name."""

    name: str
    version: int
    title: str
    segments: list[str]
    published_at: datetime
    published_by: str | None
    latest: bool
    open_invoices: int


class CadenceView(BaseModel):
    """One version, whole; it never changes, but for whether it is the latest."""

    name: str
    version: int
    published_at: datetime
    published_by: str | None
    latest: bool
    document: dict[str, Any] = Field(description="As the ledger keeps it: spans in seconds.")


class Finding(BaseModel):
    """One thing that is wrong with a document: an error stops publishing, a warning is for the writer to judge."""

    model_config = ConfigDict(from_attributes=True)

    level: str
    line: int = Field(description="From 1.")
    field: str = Field(description="A path such as steps[2].at.")
    message: str


class Lint(BaseModel):
    """What judging a document found; `fine` where nothing stops it from being published."""

    fine: bool
    findings: list[Finding]


class PublishAnswer(BaseModel):
    """The version that says this; `published` is false where the latest one said it already."""

    name: str
    version: int
    published: bool


class PreviewDay(BaseModel):
    """One step on an example's calendar: when on the customer's clock (null: it never comes), what, and if."""

    model_config = ConfigDict(from_attributes=True)

    step: str
    offset: str
    stage: str
    at: datetime | None
    what: str
    when: str | None
    missed: str
    subject: str
    to: str = Field(description="The roles that it is written to; empty where it is no message.")
    cap_foreseen: CapForeseen | None


class Preview(BaseModel):
    """What a cadence will do for one invoice that nobody pays."""

    due: date
    country: str
    language: Language
    zone: str
    days: list[PreviewDay]


@router.get("/v1/cadences")
async def list_cadences(held: Serving, _caller: Reader) -> Page[CadenceLine]:
    """List every version of every cadence, by name, the newest first."""
    return Page(items=[_line(each) for each in await publishing.published(held.ledger.engine)])


@router.post("/v1/cadences/lint")
async def lint_cadence(held: Serving, _caller: Reader, order: CadenceOrder) -> Lint:
    """Say what is wrong with a document, and where; nothing is published."""
    linted = await judge_text(held.ledger.engine, order.yaml, held.ledger.creditor)
    findings = sorted(linted.problems, key=lambda problem: problem.line)
    return Lint(fine=not linted.errors, findings=[Finding.model_validate(each) for each in findings])


@router.post("/v1/cadences")
async def publish_cadence(
    request: Request, held: Serving, order: CadenceOrder, caller: Publisher
) -> PublishAnswer:
    """Judge a document and publish it: new invoices follow it from now on, old ones keep their version.

    If-Match takes the ETag of the latest version of that name, and refuses where somebody else published since.
    """
    linted = await judge_text(held.ledger.engine, order.yaml, held.ledger.creditor)
    if linted.errors:
        raise DocumentError(linted.errors)
    ((cadence, _),) = linted.cadences
    version, new = await publishing.publish(
        held.ledger.engine,
        cadence,
        held.clock(),
        actor=caller.name,
        expect=lambda latest: require_match(request, latest and _view(latest)),
    )
    return PublishAnswer(name=cadence.name, version=version, published=new)


@router.get("/v1/cadences/{name}/preview")
async def preview_cadence(
    held: Serving,
    _caller: Reader,
    name: Name,
    country: Country = None,
    due: Due = None,
    language: Tongue = None,
) -> Preview:
    """Show what the latest version of a cadence will do, on the calendar of one example invoice nobody pays."""
    cadence = (await _version(held, name, None)).cadence
    creditor = held.ledger.creditor
    tongue, place, zone = example_place(creditor, country, language)
    due_on = due or held.clock().date() + EXAMPLE_ISSUED
    days = example(cadence, held.ledger.book, due_on, tongue, place, zone)
    shown = [PreviewDay.model_validate(day) for day in days]
    return Preview(due=due_on, country=place, language=tongue, zone=zone, days=shown)


@router.get("/v1/cadences/{name}")
async def show_cadence(held: Serving, response: Response, _caller: Reader, name: Name) -> CadenceView:
    """Show the latest version of a cadence; its ETag is what publishing the next one may name."""
    return answer(response, _view(await _version(held, name, None)))


@router.get("/v1/cadences/{name}/versions/{version}")
async def show_cadence_version(
    held: Serving,
    response: Response,
    _caller: Reader,
    name: Name,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
) -> CadenceView:
    """Show one version of a cadence."""
    return answer(response, _view(await _version(held, name, version)))


async def _version(held: Service, name: str, version: int | None) -> PublishedCadence:
    for each in await publishing.published(held.ledger.engine):
        if each.cadence.name == name and (each.version == version or (version is None and each.latest)):
            return each
    which = f"cadence {name!r}" if version is None else f"version {version} of a cadence {name!r}"
    raise ApiProblem(
        404, "unknown_cadence", f"no {which} is published; the list of cadences shows those that are"
    )


def _line(each: PublishedCadence) -> CadenceLine:
    return CadenceLine(
        name=each.cadence.name,
        version=each.version,
        title=each.cadence.title,
        segments=list(each.cadence.segments),
        published_at=each.published_at,
        published_by=each.published_by,
        latest=each.latest,
        open_invoices=each.open_invoices,
    )


def _view(each: PublishedCadence) -> CadenceView:
    return CadenceView(
        name=each.cadence.name,
        version=each.version,
        published_at=each.published_at,
        published_by=each.published_by,
        latest=each.latest,
        document=to_jsonable_python(each.cadence.model_dump(), timedelta_mode="float"),
    )
