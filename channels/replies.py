"""Whether what a person wrote back asks us to stop."""

import re
import unicodedata

# Twilio's default keywords, then those of the five languages (accents and case do not matter).
_STOP = frozenset(
    {
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        *("parar", "pare", "sair", "cancelar", "remover", "descadastrar"),
        *("baja", "alto", "detener"),
        *("arret", "arreter", "desabonner", "desinscrire", "desinscription"),
    }
)
_STOP_PHRASES = frozenset(
    {
        "opt out",
        "stop all",
        "dar de baja",
        "darme de baja",
        "me desabonner",
        "se desabonner",
        "me desinscrire",
        "nao quero receber mensagens",
        "nao quero receber mais mensagens",
        "no quiero recibir mensajes",
        "no quiero recibir mas mensajes",
        "ne plus recevoir de messages",
        "stop sending me messages",
        "remove me",
    }
)
_COURTESY = re.compile(
    r"\b(please|pls|thanks|thank you|por favor|pf|obrigad[oa]|gracias|s il vous plait|svp|merci)\b"
)


def is_opt_out(text: str) -> bool:
    """Whether the whole text is a request to stop, in any of the five languages, courtesies aside.

    A stop word inside a sentence does not count: "I will stop by and pay" must not silence a channel; such
    texts are for a person to read.
    """
    words = _COURTESY.sub(" ", _plain(text)).split()
    return " ".join(words) in _STOP_PHRASES or (bool(words) and all(word in _STOP for word in words))


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()
