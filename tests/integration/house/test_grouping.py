"""One message for all that falls due, through the real workflows: what was merged never leaves by itself."""

from tests.integration.house.house import House
from tests.integration.house.invoices import bring, row, ruler
from tests.integration.house.seeing import eventually

RULER = ruler("email", group_by="customer")


async def test_three_invoices_that_fall_due_at_once_make_one_email(
    closed_house: House,
) -> None:
    house = closed_house
    first = await bring(house.ledger, RULER)
    same = {
        "customer": first.customer,
        "customer_name": first.name,
        "email": first.email,
        "phone": first.phone,
    }
    debtors = [first, *[await bring(house.ledger, RULER, row(**same)) for _ in range(2)]]
    async with house.relaying_outbox(), house.working():

        async def settled() -> bool:
            outcomes = [(await house.facts(each)).step("due-today", 1).outcome for each in debtors]
            return sorted(map(str, outcomes)) == ["merged", "merged", "sent"]

        await eventually(settled, "one message sent and two invoices merged into it")
        assert await house.accepted(first) == ["email"]  # by the address, which all three share
        for each in debtors:
            item = (await house.ledger.directive(each.id)).item
            assert item is not None
            assert item.key.startswith("reminder/")
    await house.assert_sound()
