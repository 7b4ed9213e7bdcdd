"""A step that needs leave, through the real workflow: it asks, waits, and hears the answer by a signal."""

from tests.integration.house.house import House
from tests.integration.house.invoices import Debtor, bring, ruler

MESSAGE = {"template": "overdue_first", "channels": ["email"]}


async def asked(house: House) -> Debtor:
    """An invoice whose first message has asked for leave."""
    step = {"id": "due-today", "at": "due", "stage": "due", "send": MESSAGE, "missed": "send"}
    later = {"id": "reminder", "at": "due + 9d", "stage": "overdue", "send": MESSAGE}
    cadence = ruler(steps=[step | {"approval": "manager"}, later])
    debtor = await bring(house.ledger, cadence)
    await house.until_state(debtor, "awaiting_approval", "approval_asked")
    return debtor


async def test_a_step_goes_when_the_answer_comes_by_a_signal(house: House) -> None:
    debtor = await asked(house)
    assert await house.cases(debtor) == ["approval_needed"]
    assert await house.accepted(debtor) == []
    for _ in range(2):
        await house.signal(debtor, "approval_given", id=f"{debtor.number}-yes")
    await house.until_accepted(debtor, 1)
    assert (await house.story(debtor)).count("approval_given") == 1


async def test_a_step_that_is_refused_by_a_signal_is_passed_over(house: House) -> None:
    debtor = await asked(house)
    await house.signal(debtor, "approval_refused", id=f"{debtor.number}-no", reason="new_contact")
    await house.until_state(debtor, "scheduled", "step_skipped")
    await house.until_heard(debtor)
    assert await house.accepted(debtor) == []


async def test_time_runs_out_at_its_own_hour(house: House) -> None:
    debtor = await asked(house)
    for event, count in (("approval_reminded", 1), ("approval_reminded", 2), ("approval_timed_out", 1)):
        await house.until_heard(debtor)
        await house.skip_to_next(debtor)
        await house.until_count(debtor, event, count)
    assert (await house.facts(debtor)).step("due-today", 1).reason == "approval_timed_out"
