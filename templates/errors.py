"""The one error of this room."""


class TemplateError(Exception):
    """A message could not be rendered, or a template is not fit to be used.

    `code` is stable: `unknown_language`, `unknown_template`, `missing_text`, `syntax`, `undefined_variable`,
    `unsafe`, `failed`, `missing_block`, `not_flat`, `empty_variable`, `too_long`. `detail` names a variable, a file
    or a limit, never a value: values are personal data.
    """

    def __init__(self, code: str, *, template: str, language: str, channel: str, detail: str = "") -> None:
        self.code = code
        self.template = template
        self.language = language
        self.channel = channel
        self.detail = detail
        where = "/".join(part for part in (language, f"{template}.{channel}") if part)
        super().__init__(f"{where}: {code}" + (f" ({detail})" if detail else ""))
