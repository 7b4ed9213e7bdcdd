"""An agent's own words: signed, in the channel's alphabet, and never read as a template."""

import pytest

from templates.answers import answer_sms, answer_whatsapp
from templates.errors import TemplateError
from tests.unit.cadence.pieces import creditor

NAME = creditor().short_name


def test_an_sms_is_signed_and_written_in_gsm_7() -> None:
    written = answer_sms("Olá, já está pago – obrigado", creditor(), "BCDF2345")
    assert written.body == f"Ola, ja esta pago - obrigado\n{NAME}, Ref BCDF2345"
    assert written.segments == 1


def test_a_template_s_marks_are_words_like_any_other() -> None:
    text = "{{ customer_name }} {% if x %} {# y #}"
    assert answer_whatsapp(text, creditor(), "BCDF2345") == f"{text}\n{NAME}, Ref BCDF2345"
    assert answer_sms(text, creditor(), "BCDF2345").body.startswith(text)


def test_an_sms_of_more_than_two_segments_is_refused() -> None:
    with pytest.raises(TemplateError, match="too_long") as raised:
        answer_sms("x" * 300, creditor(), "BCDF2345")
    assert "xxx" not in str(raised.value)
