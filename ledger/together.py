"""Together: how the read side shows that one message speaks of several invoices, sent or to come."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, cast, exists, func, select
from sqlalchemy.dialects.postgresql import JSONB

from cadence.agenda import SEND_KIND
from ledger.ranking import GROUPED
from ledger.tables import agenda_table, cadences, events_table, invoices, messages

_CARRIERS, _OTHERS = invoices.alias("carriers"), invoices.alias("other_invoices")
_ROWS, _RULERS = agenda_table.alias("other_rows"), cadences.alias("other_cadences")
_SENDS = [str(kind) for kind in SEND_KIND.values()]


def carrier() -> Any:
    """The number of the invoice whose message an event of `events_table` names in `into`; NULL where it names none."""
    return (
        select(_CARRIERS.c.number)
        .join_from(messages, _CARRIERS, messages.c.invoice_id == _CARRIERS.c.id)
        .where(
            events_table.c.type.in_(["step_merged", "step_released"]),
            messages.c.reference == events_table.c.payload["into"].astext,
        )
        .scalar_subquery()
    )


def agenda_ahead() -> Select[Any]:
    """What lies ahead of invoices, each row with its reason as things stand; an `AgendaLine` takes one."""
    columns = (column for column in agenda_table.c if column.name != "why")
    return select(*columns, why_ahead()).join_from(agenda_table, invoices)


def why_ahead() -> Any:
    """Why a row of `agenda_table`, joined with its invoice, is there: `grouped` where it will probably go with others."""
    return case((_goes_with_others(), GROUPED), else_=agenda_table.c.why).label("why")


def _goes_with_others() -> ColumnElement[bool]:
    """Whether another invoice's reminder falls due in the same instant, by the same channel and to the same role."""
    own = cadences.alias("own_cadence")
    other = (
        select(_ROWS.c.key)
        .join_from(_ROWS, _OTHERS, _ROWS.c.invoice_id == _OTHERS.c.id)
        .join(_RULERS, _OTHERS.c.cadence_id == _RULERS.c.id)
        .where(
            _OTHERS.c.customer_id == invoices.c.customer_id,
            _OTHERS.c.id != invoices.c.id,
            _OTHERS.c.closed_at.is_(None),
            _ROWS.c.kind == agenda_table.c.kind,
            _ROWS.c.at == agenda_table.c.at,
            _is_reminder(_ROWS, _RULERS),
            _role(_ROWS, _RULERS) == _role(agenda_table, own),
        )
        .correlate(agenda_table, invoices, own)
    )
    mine = select(own.c.id).where(
        own.c.id == invoices.c.cadence_id, own.c.document["group_by"].astext == "customer", exists(other)
    )
    return and_(
        agenda_table.c.kind.in_(_SENDS),
        agenda_table.c.why == "planned",
        ~agenda_table.c.step.startswith("on:"),
        exists(mine.correlate(agenda_table, invoices)),
    )


def _role(rows: Any, rulers: Any) -> Any:
    """To which role a row's step sends, as its cadence's document has it; NULL where that has no such step."""
    steps = func.jsonb_array_elements(rulers.c.document["steps"]).table_valued("value")
    step = cast(steps.c.value, JSONB)
    sends_to = select(step["send"]["to"].astext).where(step["id"].astext == rows.c.step)
    return sends_to.correlate(rows, rulers).scalar_subquery()


def _is_reminder(rows: Any, rulers: Any) -> ColumnElement[bool]:
    """A message of the ruler that will not be skipped as things stand; notices have names that no step has."""
    of_ruler = ~rows.c.step.startswith("on:")
    return and_(of_ruler, rows.c.why != "condition", rulers.c.document["group_by"].astext == "customer")
