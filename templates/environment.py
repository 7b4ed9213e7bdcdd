"""The one Jinja environment: sandboxed, strict about undefined names, escaping in HTML layouts only."""

from collections.abc import Mapping
from functools import cache, cached_property

from jinja2 import FileSystemLoader, StrictUndefined, Template, nodes
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from templates.errors import TemplateError
from templates.labels import ROOT


def _escapes(name: str | None) -> bool:
    # Letters are written once, as plain text, and escaped where the HTML layout puts them.
    return name is not None and name.endswith(".html.j2")


ENVIRONMENT = ImmutableSandboxedEnvironment(
    loader=FileSystemLoader(ROOT),
    undefined=StrictUndefined,
    autoescape=_escapes,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Text:
    """One text of a template, parsed: what `<language>/<template>.<channel>.j2` holds."""

    def __init__(self, template: str, channel: str, language: str, source: str) -> None:
        self.template, self.channel, self.language = template, channel, language
        try:
            self.syntax = ENVIRONMENT.parse(source)
            # Refuses what does not compile either: an unknown filter, say.
            self.variables = frozenset(find_undeclared_variables(self.syntax))
        except JinjaError as error:
            raise self.error("syntax", f"line {getattr(error, 'lineno', '?')}") from error
        self.blocks = frozenset(block.name for block in self.syntax.find_all(nodes.Block))
        self._source = source

    @cached_property
    def _compiled(self) -> Template:
        """Made when it is first rendered: linting a cadence looks through every text, and renders few."""
        return ENVIRONMENT.from_string(self._source)

    @property
    def is_flat(self) -> bool:
        """Whether the text is words and plain `{{ name }}` only, as a provider's approved template must be."""
        return all(
            isinstance(part, (nodes.TemplateData, nodes.Name))
            for output in self.syntax.body
            for part in (output.nodes if isinstance(output, nodes.Output) else [output])
        )

    def render(self, values: Mapping[str, object], block: str | None = None) -> str:
        """Return the whole text, or one block of it, with `values` filled in; raises TemplateError."""
        missing = self.variables - values.keys()
        if missing:
            raise self.error("undefined_variable", ", ".join(sorted(missing)))
        root = self._compiled.blocks[block] if block else self._compiled.root_render_func
        try:
            return "".join(root(self._compiled.new_context(dict(values)))).strip()
        except SecurityError:
            raise self.error("unsafe") from None
        except (JinjaError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # The chain is cut: what a failing expression quotes is personal data.
            raise self.error("failed", type(error).__name__) from None

    def error(self, code: str, detail: str = "") -> TemplateError:
        """Name this text in an error."""
        return TemplateError(
            code, template=self.template, language=self.language, channel=self.channel, detail=detail
        )


@cache
def text_of(template: str, channel: str, language: str) -> Text:
    """Return the parsed text; TemplateError `missing_text` or `syntax`."""
    path = ROOT / language / f"{template}.{channel}.j2"
    if not path.is_file():
        raise TemplateError("missing_text", template=template, language=language, channel=channel)
    return Text(template, channel, language, path.read_text(encoding="utf-8"))
