"""The alphabet of SMS: writes any text in GSM-7 and counts the segments it is billed as (3GPP TS 23.038)."""

import unicodedata

from anyascii import anyascii

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€")
SINGLE_SEGMENT = 160
JOINED_SEGMENT = 153  # a joined segment gives 7 septets of its 160 to the header that puts them in order


def transliterate(text: str) -> str:
    """Return `text` with every character that GSM-7 lacks replaced by its nearest plain spelling."""
    return "".join(_in_alphabet(character) for character in unicodedata.normalize("NFC", text))


def segments(text: str) -> int:
    """Count the segments of `text`, which must be GSM-7; an extension character is never split over two."""
    widths = [2 if character in EXTENSION else 1 for character in text]
    if sum(widths) <= SINGLE_SEGMENT:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > JOINED_SEGMENT:
            count, used = count + 1, 0
        used += width
    return count


def _in_alphabet(character: str) -> str:
    if character in BASIC or character in EXTENSION:
        return character
    # ASCII has a back-tick and control characters that GSM-7 lacks.
    return "".join(c for c in anyascii(character).replace("`", "'") if c in BASIC or c in EXTENSION)
