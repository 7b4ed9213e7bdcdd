"""An e-mail says how much of what it asks for is late interest and costs."""

from dataclasses import replace
from decimal import Decimal
from html import unescape

import pytest

from cadence.words import Language
from templates.labels import labels_of
from templates.rendering import render_email
from tests.unit.templates.samples import USUAL

WORDS = {
    "pt-BR": "O valor em aberto inclui juros de mora de R$\xa05,20 e multa por atraso de R$\xa040,00.",
    "pt-PT": "O montante por liquidar inclui juros de mora de 5,20\xa0R$ e custos de cobrança de 40,00\xa0R$.",
    "es": "El importe pendiente incluye intereses de demora de 5,20\xa0BRL y costes de cobro de 40,00\xa0BRL.",
    "en": "The amount outstanding includes late interest of R$5.20 and debt recovery costs of R$40.00.",
    "fr": "Le montant restant dû comprend des intérêts de retard de 5,20\xa0R$ et une indemnité forfaitaire pour frais de recouvrement de 40,00\xa0R$.",
}


@pytest.mark.parametrize("language", Language)
def test_the_balance_is_told_with_the_late_charges_in_it(language: str) -> None:
    charged = replace(USUAL, language=language, interest=Decimal("5.2"), costs=Decimal(40))
    written = render_email("overdue_first", charged)
    assert WORDS[language] in written.text
    assert WORDS[language] in unescape(written.html)
    plain = render_email("overdue_first", replace(USUAL, language=language))
    assert labels_of(language).late_charges.both.partition("{")[0] not in plain.text


def test_interest_alone_and_costs_alone_are_told_alone() -> None:
    english = replace(USUAL, language="en")
    interest = render_email("overdue_first", replace(english, interest=Decimal("5.20"))).text
    assert "includes late interest of R$5.20." in interest
    costs = render_email("overdue_first", replace(english, costs=Decimal(40))).text
    assert "includes debt recovery costs of R$40.00." in costs
