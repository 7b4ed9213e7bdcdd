"""A step that asks for it brings the customer's statement of account, as the provider takes it."""

import base64

from tests.integration.house.house import House
from tests.integration.house.invoices import bring, row, ruler

STATEMENT = {"template": "statement", "channels": ["email"], "attach": "statement"}
RULER = ruler(
    group_by="customer",
    steps=[{"id": "statement", "at": "due", "stage": "due", "send": STATEMENT, "missed": "send"}],
)


async def test_a_statement_goes_with_the_email_as_a_pdf(house: House) -> None:
    debtor = await bring(house.ledger, RULER, row(language="fr"))
    await house.until_accepted(debtor, 1)
    (sent,) = (await house.sandbox.get("/sandbox/messages", params={"address": debtor.email})).json()
    (attached,) = sent["fields"]["attachments"]
    assert attached["filename"].startswith("releve-de-compte-")
    assert (attached["type"], attached["disposition"]) == ("application/pdf", "attachment")
    assert base64.b64decode(attached["content"]).startswith(b"%PDF-")
    await house.assert_sound()
