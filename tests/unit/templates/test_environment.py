"""A text that is wrong is refused with its name and a code, and can reach nothing it was not given."""

import pytest

from templates.environment import Text
from templates.errors import TemplateError


def refused(source: str, values: dict[str, object]) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        Text("letter", "sms", "en", source).render(values)
    return caught.value


@pytest.mark.parametrize(
    "source",
    [
        "{{ amount.__class__.__mro__ }}",
        "{{ amount.__init__.__globals__ }}",
        "{{ lines.append('x') }}",
    ],
)
def test_a_text_cannot_leave_the_sandbox(source: str) -> None:
    assert refused(source, {"amount": "R$ 1,00", "lines": ["a"]}).code == "unsafe"


def test_a_syntax_error_names_file_and_line() -> None:
    error = refused("Hello\n{{ amount ", {})
    assert str(error) == "en/letter.sms: syntax (line 2)"


def test_an_undefined_name_is_refused_also_where_a_condition_hides_it() -> None:
    error = refused("{% if amount %}{{ amuont }}{% endif %}", {"amount": ""})
    assert str(error) == "en/letter.sms: undefined_variable (amuont)"


@pytest.mark.parametrize(
    "source", ["{{ name.nickname }}", "{{ name + 1 }}", "{{ 1 / 0 }}", "{{ name | int(1) / 0 }}"]
)
def test_a_failing_expression_quotes_no_value(source: str) -> None:
    error = refused(source, {"name": "Ana Exemplo"})
    assert error.code == "failed"
    assert "Ana" not in str(error)
    assert error.__suppress_context__


@pytest.mark.parametrize(
    "source", ["{% if a %}x{% endif %}", "{{ a | upper }}", "{{ a.b }}", "{% set a = 1 %}"]
)
def test_only_words_and_plain_names_are_flat(source: str) -> None:
    assert not Text("letter", "whatsapp", "en", source).is_flat


def test_words_and_plain_names_are_flat() -> None:
    assert Text("letter", "whatsapp", "en", "Dear {{ a }}, {{ b }}.").is_flat


def test_values_are_never_run_as_template_code() -> None:
    text = Text("letter", "sms", "en", "{{ name }}")
    assert text.render({"name": "{{ 7*7 }}{% raw %}"}) == "{{ 7*7 }}{% raw %}"
