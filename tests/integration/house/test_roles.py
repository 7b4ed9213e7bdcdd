"""A step that names a role, through the real workflow and by real HTTP to the provider, with somebody in copy."""

from cadence.customer_facts import CustomerFacts
from cadence.words import Channel
from ledger.customer_intake import ContactIntake
from ledger.intake import receive
from ledger.keys import address_fingerprint
from tests.integration.house.house import House
from tests.integration.house.invoices import FILE, Debtor, bring, row, ruler
from tests.integration.house.seeing import eventually

LETTER = {"template": "overdue_first", "channels": ["email"], "to": "finance_director", "cc": ["owner"]}
RULER = ruler(steps=[{"id": "letter", "at": "due", "stage": "due", "send": LETTER, "missed": "send"}])


async def customer_of(house: House, debtor: Debtor) -> CustomerFacts:
    async with house.ledger.invoice_unit(debtor.id, house.now()) as unit:
        return unit.customer_facts


async def test_a_letter_reaches_the_role_and_the_copy_whose_complaint_closes_the_copys_address_alone(
    closed_house: House,
) -> None:
    house = closed_house
    debtor = await bring(house.ledger, RULER, row(language="en"))
    director, owner = (f"{role}-{debtor.email}" for role in ("director", "owner"))
    people = [
        ContactIntake(
            customer=debtor.customer, contact="fd", role="finance_director", name="Zoé Inventée", language="fr",
            email=director,
        ),
        ContactIntake(customer=debtor.customer, contact="ow", role="owner", name="Ada Invented", email=owner),
    ]  # fmt: skip
    assert {each.outcome for each in await receive(house.ledger, people, house.now(), FILE)} == {"new"}
    await house.habit(owner, email="spam")
    async with house.relaying_outbox(), house.working():

        async def heard() -> bool:
            facts = await house.facts(debtor)
            told = facts.steps.get("letter/1")
            return told is not None and told.messages[Channel.EMAIL].delivery == "delivered"

        await eventually(heard, "the letter delivered to the finance director")

        async def complained() -> bool:
            return (await customer_of(house, debtor)).closed(
                Channel.EMAIL, address_fingerprint(owner)
            ) == "opt_out"

        await eventually(complained, "the owner's complaint taken in")
    (sent,) = (await house.sandbox.get("/sandbox/messages", params={"address": director})).json()
    (personalization,) = sent["fields"]["personalizations"]
    assert personalization["to"] == [{"email": director}]
    assert personalization["cc"] == [{"email": owner}]
    assert "One-Click" not in str(sent["fields"]["headers"])
    assert "Bonjour" in sent["fields"]["content"][0]["value"]
    facts = await customer_of(house, debtor)
    assert facts.closed(Channel.EMAIL, address_fingerprint(director)) is None
    assert facts.unusable(Channel.EMAIL) is None
    await house.assert_sound()
