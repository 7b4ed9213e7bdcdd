"""Contacts at the command line: taken in once, and a sentence for each that is not."""

from pathlib import Path

from ledger.access import Ledger
from tests.integration.ledger.conftest import ledger
from tests.integration.ledger.playing import row, take_in
from tests.integration.terminal import Terminal

__all__ = ["ledger"]
ROOT = Path(__file__).parents[2]
FILE = """customer,contact,role,name,language,email,phone,whatsapp
C-1,fd,finance_director,Ada Invented,en,ada@example.com,,
C-1,ow,owner,Zé Inventado,,,+351900000777,
C-404,ow,owner,Nobody Known,,nobody@example.com,,
"""


async def test_contacts_are_imported_once_and_the_unknown_customer_is_named(
    ledger: Ledger, terminal: Terminal, tmp_path: Path
) -> None:
    await take_in(ledger, row())
    path = tmp_path / "contacts.csv"
    path.write_text(FILE, encoding="utf-8")
    first = await terminal("contacts", "import", str(path))
    assert first.status == 2
    assert "2 new, 0 changed, 0 the same, 1 rejected" in first.out
    assert "line 4: its customer is not known; send the customer first" in first.out
    path.write_text("".join(FILE.splitlines(keepends=True)[:3]), encoding="utf-8")
    again = await terminal.done("contacts", "import", str(path))
    assert "0 new, 0 changed, 2 the same, 0 rejected" in again.out
