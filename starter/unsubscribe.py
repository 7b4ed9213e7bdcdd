"""The page behind an unsubscribe link: one question, one button, in the reader's language."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

from cadence.words import Language


@dataclass(frozen=True, slots=True)
class Wording:
    """What the page says in one language."""

    question: str
    button: str
    done: str
    unknown: str


_WORDINGS: Mapping[Language, Wording] = {
    Language.PT_BR: Wording(
        "Deseja deixar de receber estas mensagens?",
        "Deixar de receber",
        "Pronto: não enviaremos mais mensagens por este canal.",
        "Este link não é válido. Responda à mensagem para deixar de recebê-las.",
    ),
    Language.PT_PT: Wording(
        "Pretende deixar de receber estas mensagens?",
        "Deixar de receber",
        "Está feito: não enviaremos mais mensagens por este canal.",
        "Esta ligação não é válida. Responda à mensagem para deixar de as receber.",
    ),
    Language.ES: Wording(
        "¿Desea dejar de recibir estos mensajes?",
        "Dejar de recibirlos",
        "Listo: no enviaremos más mensajes por este canal.",
        "Este enlace no es válido. Responda al mensaje para dejar de recibirlos.",
    ),
    Language.EN: Wording(
        "Would you like to stop receiving these messages?",
        "Stop these messages",
        "Done: we will send no more messages by this channel.",
        "This link is not valid. Please reply to the message to stop receiving them.",
    ),
    Language.FR: Wording(
        "Souhaitez-vous ne plus recevoir ces messages ?",
        "Ne plus les recevoir",
        "C’est fait : nous n’enverrons plus de messages par ce canal.",
        "Ce lien n’est pas valable. Répondez au message pour ne plus en recevoir.",
    ),
}


def preferred_language(accept_language: str) -> Language:
    """The first of our languages that a browser's Accept-Language names; English where it names none."""
    for part in accept_language.split(",")[:20]:
        tag = part.partition(";")[0].strip().lower()
        for language in Language:
            if tag == language.lower() or tag.partition("-")[0] == language.lower():
                return language
        if tag.partition("-")[0] == "pt":
            return Language.PT_BR if tag in ("pt", "pt-br") else Language.PT_PT
    return Language.EN


def question_page(language: Language, reference: str) -> str:
    """Ask, with a button: mail programs fetch links on their own, so that following one must change nothing."""
    wording = _WORDINGS[language]
    form = (
        f'<form method="post" action="?m={html.escape(reference, quote=True)}">'
        f"<button>{html.escape(wording.button)}</button></form>"
    )
    return _page(language, wording.question, form)


def done_page(language: Language) -> str:
    """Say that it is done."""
    return _page(language, _WORDINGS[language].done)


def unknown_page(language: Language) -> str:
    """Say that the link leads nowhere, and what to do instead."""
    return _page(language, _WORDINGS[language].unknown)


def _page(language: Language, text: str, more: str = "") -> str:
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="robots" content="noindex">'
        f'<meta name="viewport" content="width=device-width"><title>Régua</title>'
        f"<main><p>{html.escape(text)}</p>{more}</main></html>"
    )
