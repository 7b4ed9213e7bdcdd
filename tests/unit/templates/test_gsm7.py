"""SMS text stays in GSM-7, and its segments are counted as carriers count them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.gsm7 import BASIC, EXTENSION, segments, transliterate


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("não", "nao"),
        ("cobrança", "cobranca"),
        ("ÇÃO", "ÇAO"),
        ("a\u0303", "a"),  # decomposed: a and a combining tilde
        ("R$\u00a01.234,56", "R$ 1.234,56"),
        ("1\u202f234,56\u00a0€", "1 234,56 €"),
        ("l’échéance", "l'échéance"),
        ("“aspas” – traço…", '"aspas" - traco...'),
        ("mañana, ¿sí?", "mañana, ¿si?"),
        ("Łódź", "Lodz"),
        ("北京", "BeiJing"),
    ],
)
def test_what_gsm7_lacks_is_spelt_plainly(written: str, sent: str) -> None:
    assert transliterate(written) == sent


@given(st.text())
def test_any_text_becomes_gsm7(text: str) -> None:
    assert set(transliterate(text)) <= BASIC | EXTENSION


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the euro sign does not fit segment 1 and is not split
    ],
)
def test_segments_are_counted_in_septets(text: str, count: int) -> None:
    assert segments(text) == count
