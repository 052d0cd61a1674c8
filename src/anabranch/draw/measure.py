"""How much room text takes, without a font: an upper bound over the fonts that people have.

Theory: nobody knows in which font a picture will be shown, and a picture that has to be measured where it is shown is no
file any more. So letters are put into four classes, each as wide as its widest common letter in the widest common font.
"""

from __future__ import annotations

import unicodedata

__all__ = ["shortened", "width"]

_NARROW = frozenset(" !'(),-./:;I[\\]`fijlrt{|}°·")
_WIDE = frozenset("MWmw@%…—")


def width(text: str, size: float) -> float:
    """About how wide a line of text of that font size is; rather too wide than too narrow."""
    return size * sum(map(_em, text))


def shortened(text: str, longest: int) -> str:
    """The text on one line, cut where it is longer than that many letters."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _em(letter: str) -> float:
    if letter in _NARROW:
        return 0.38
    if letter in _WIDE:
        return 0.97
    if letter.isascii():
        return 0.72 if letter.isupper() else 0.62
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.7
