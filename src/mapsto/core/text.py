"""Words from data, made fit for a terminal or a page."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

# they reorder or hide the text around them; joiners, also of category Cf, are letters of many scripts and stay
BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
# reading order of old, notes to renderers, and letters that nobody sees ("tags"): text hidden in text
HIDDEN = frozenset(map(chr, (*range(0x206A, 0x2070), *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080))))
BARRED = ("Cc", "Cs", "Zl", "Zp")
LOOKED_AT = 16  # characters for each that may be shown: what comes behind them is cut off, whatever it is


def clean(text: str, limit: int = 0) -> str:
    """`text` on one line, without control characters (no escape sequence survives).

    limit: how many characters it may have at most; 0 for any number.
    """
    if cut := 0 < LOOKED_AT * limit < len(text):
        text = text[: LOOKED_AT * limit]
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if c in "\t\n\r\u2028\u2029" else c for c in text)
        text = "".join(c for c in text if not _obeyed(c))
    if not limit or (len(text) <= limit and not cut):
        return text
    return text[: limit - 1].rstrip() + "…"


def clean_lines(text: str) -> str:
    """The same of several lines, which stay apart."""
    return "\n".join(map(clean, text.split("\n")))


def escaped(text: str, pairs: bool = False) -> str:
    """JSON or TOML in which what a terminal would obey is written as \\u…, and means the same; line breaks stay.

    pairs: a character beyond U+FFFF is two \\u…, as JSON wants it, not one \\U… as in TOML.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(_numbered(c, pairs) if c != "\n" and _obeyed(c) else c for c in text)


def markdown(text: str) -> str:
    """Words from data that Markdown takes as they stand: no link, no markup, no HTML, no cell of a table."""
    return "".join(f"&#{ord(c)};" if c in "<>&" else f"\\{c}" if c in "\\`*_[]()#!|~$" else c for c in clean(text))


def _obeyed(c: str) -> bool:
    """Whether a terminal or page does something at this character instead of showing it."""
    return c in BIDIRECTIONAL or c in HIDDEN or unicodedata.category(c) in BARRED


def _numbered(c: str, pairs: bool) -> str:
    if c > "\uffff" and not pairs:
        return f"\\U{ord(c):08x}"
    units = c.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def short(number: float) -> str:
    """A number as a person would write it: about six digits, whole numbers whole."""
    if not math.isfinite(number):
        return str(number)
    if number == round(number) and abs(number) < 1e15:
        return str(round(number))
    if 1e6 <= abs(number) < 1e15:
        return str(round(number))
    return f"{number:.6g}"


def few(words: Iterable[object], most: int = 4) -> str:
    """The first words and the last: 0, 1, 2, … 9."""
    listed = list(words)
    shown = [clean(str(w), 24) for w in (listed if len(listed) <= most else [*listed[: most - 1], listed[-1]])]
    return ", ".join(shown) if len(listed) <= most else f"{', '.join(shown[:-1])}, … {shown[-1]}"


def many(count: int, word: str, words: str = "") -> str:
    """1 class, 2 classes: `words` where the plural is not `word` + s."""
    return f"{count} {word if count == 1 else words or word + 's'}"
