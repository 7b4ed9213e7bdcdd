"""The unsubscribe page speaks the reader's language, and nothing in its address becomes markup."""

import pytest

from cadence.words import Language
from starter.unsubscribe import done_page, preferred_language, question_page, unknown_page


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("pt-BR,pt;q=0.9", "pt-BR"), ("pt", "pt-BR"), ("pt-PT", "pt-PT"), ("pt-AO,en", "pt-PT"),
        ("es-MX,es;q=0.8", "es"), ("fr-CA", "fr"), ("EN-us", "en"), ("de,ja,fr;q=0.1", "fr"),
        ("", "en"), ("*", "en"), ("tlh", "en"), (",,;q=", "en"),
    ],
)  # fmt: skip
def test_the_first_language_that_we_speak_is_taken(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language


@pytest.mark.parametrize("language", Language)
def test_every_language_has_its_own_words(language: Language) -> None:
    others = [other for other in Language if other is not language]
    for page in (lambda of: question_page(of, "R"), done_page, unknown_page):
        assert f'lang="{language}"' in page(language)
        assert all(page(language) != page(other) for other in others)


def test_a_reference_that_holds_markup_stays_text() -> None:
    assert "<script>" not in question_page(Language.EN, '"><script>alert(1)</script>')
