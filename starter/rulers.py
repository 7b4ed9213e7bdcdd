"""Cadence files: found, read, judged together, and laid out on an example's calendar before anybody is written to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from cadence.creditor import Creditor
from cadence.customer_facts import Consent, CustomerFacts
from cadence.document import Cadence
from cadence.facts import InvoiceFacts, Rebase
from cadence.foreseeing import Ahead, CapForeseen, caps_ahead
from cadence.lint import lint, lint_set
from cadence.planner import plan
from cadence.problems import DocumentError, Level, Problem, Source
from cadence.reading import read_located
from cadence.rules import Rulebook
from cadence.steps import Step
from cadence.words import Channel, Language
from starter.documents import read_text
from starter.places import countries, usual_language, usual_zone
from starter.session import Refusal
from templates.catalog import Catalog
from templates.rendering import RenderContext, render_email

Located = tuple[Cadence, Source]
EXAMPLE_ISSUED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Linted:
    """What reading and judging files gave: the cadences that could be read, and every problem."""

    cadences: tuple[Located, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        """The problems that stop publishing."""
        return [problem for problem in self.problems if problem.level is Level.ERROR]


def cadence_files(folder: Path) -> list[Path]:
    """The cadence files of a folder, by name; raise DocumentError where it holds none."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        message = "this folder holds no cadence (*.yaml); name one with CADENCES_DIR, or name the files"
        raise DocumentError([Problem(str(folder), 1, "", message)])
    return files


def read_cadence(path: Path) -> Located:
    """A cadence file with its lines; raise DocumentError with every mistake of form."""
    return read_located(Cadence, read_text(path), str(path))


def lint_files(files: Iterable[Path], creditor: Creditor, others: Sequence[Located] = ()) -> Linted:
    """Read and judge files, each alone and all together; `others` claim their names and segments first."""
    return _lint([partial(read_cadence, path) for path in files], creditor, others)


def lint_text(text: str, name: str, creditor: Creditor, others: Sequence[Located]) -> Linted:
    """The same for the text of one document, which problems call `name`."""
    return _lint([lambda: read_located(Cadence, text, name)], creditor, others)


def _lint(readings: Iterable[Callable[[], Located]], creditor: Creditor, others: Sequence[Located]) -> Linted:
    found: list[Located] = []
    problems: list[Problem] = []
    for read in readings:
        try:
            cadence, source = read()
        except DocumentError as error:
            problems += error.problems
            continue
        found.append((cadence, source))
        problems += lint(cadence, Catalog.load(), creditor, source)
    return Linted(tuple(found), tuple(problems + lint_set([*others, *found])))


@dataclass(frozen=True, slots=True)
class ExampleDay:
    """One step on an example's calendar: its instant on the customer's clock (None: it never comes), its subject.

    `to` are the roles that it is written to, empty where it is no message. `cap_foreseen` is what will defer it, each
    step's condition held for true.
    """

    step: str
    offset: str
    stage: str
    at: datetime | None
    what: str
    when: str | None
    missed: str
    subject: str
    to: str = ""
    cap_foreseen: CapForeseen | None = None


def example(
    cadence: Cadence, book: Rulebook, due: date, language: Language, country: str, zone: str
) -> list[ExampleDay]:
    """The ruler on the calendar of one invoice due on `due`, never paid, whose customer is in `country`.

    The contact rules of that place count, of any subdivision that it could be.

    Raises Refusal where that day is too far away for calendars.
    """
    if not 2000 <= due.year <= 2100:
        raise Refusal(
            f"{due} is too far away; write a date between 2000 and 2100", code="too_far", field="due"
        )
    facts = _example_invoice(book.creditor, due)
    arrived = facts.arrived_at
    customer = _example_customer(cadence.segments[0], language, country, zone, arrived)
    rules = book.rules(cadence, customer, arrived)
    items = plan(facts, cadence, rules, arrived).items
    planned = {item.step: item.at.astimezone(ZoneInfo(zone)) for item in items}
    caps = caps_ahead([Ahead(0, items, cadence, rules, due)], ())
    deferred = {item.step: caps[0, item.key] for item in items if (0, item.key) in caps}
    return [
        ExampleDay(
            step=step.id,
            offset=str(step.at),
            stage=step.stage,
            at=planned.get(step.id),
            what=_what(step) + (f", once a {step.approval.by} approves" if step.approval else ""),
            when=step.when,
            missed=str(step.missed_policy.policy),
            subject=_subject(step, _context(facts, book.creditor, language, planned.get(step.id))),
            to=_roles(step),
            cap_foreseen=deferred.get(step.id),
        )
        for step in cadence.steps
    ]


def _example_invoice(creditor: Creditor, due: date) -> InvoiceFacts:
    issued = due - EXAMPLE_ISSUED
    arrived = datetime.combine(issued, time(0), ZoneInfo(creditor.zone)).astimezone(UTC)
    return InvoiceFacts(
        amount=Decimal(1200), currency=next(iter(creditor.payment)), issued_on=issued, due_on=due, arrived_at=arrived,
        rebases=(Rebase(kind="arrived", at=arrived),),
    )  # fmt: skip


def _example_customer(
    segment: str, language: Language, country: str, zone: str, agreed_at: datetime
) -> CustomerFacts:
    """Whoever may be reached by every channel."""
    agreed = {"address": "example", "wording": "example", "proof_at": agreed_at}
    return CustomerFacts(
        segment=segment,
        language=language,
        country=country,
        zone=zone,
        addresses=dict.fromkeys(Channel, "example"),
        consents=tuple(Consent.model_validate({"channel": channel} | agreed) for channel in Channel),
    )


def example_place(
    creditor: Creditor, country: str | None, language: Language | None
) -> tuple[Language, str, str]:
    """The language, country and zone of an example's customer: the country's usual ones, the creditor's if None.

    Raises Refusal where there is no such country.
    """
    place = country or creditor.country
    if place not in countries():
        raise Refusal(
            f"{place!r} is no country; write an ISO 3166 code such as BR",
            code="unknown_country",
            field="country",
        )
    # Where a country has several zones, some hours do not change what an example shows.
    zone = creditor.zone if place == creditor.country else usual_zone(place) or creditor.zone
    return language or usual_language(place) or Language.EN, place, zone


def _roles(step: Step) -> str:
    if step.send is None:
        return ""
    return f"{step.send.to}, {' and '.join(step.send.cc)} in copy" if step.send.cc else step.send.to


def _what(step: Step) -> str:
    if step.send:
        return f"{step.send.template} by {', else '.join(step.send.channels)}"
    if step.open_case:
        return f"case in {step.open_case.queue}: {step.open_case.reason}"
    return f"hand over to {step.hand_over.to}" if step.hand_over else "write off"


def _context(
    facts: InvoiceFacts, creditor: Creditor, language: Language, at: datetime | None
) -> RenderContext:
    return RenderContext(
        language=language, customer_name="Example", invoice_number="EXAMPLE-1", amount=facts.amount,
        balance=facts.amount, currency=facts.currency, issued_on=facts.issued_on, due_on=facts.due_on,
        today=(at or facts.arrived_at).date(), reference="XXXXXXXX", creditor=creditor,
    )  # fmt: skip


def _subject(step: Step, context: RenderContext) -> str:
    """How the customer would know the message by its e-mail's subject, in their language."""
    return render_email(step.send.template, context).subject if step.send else ""
