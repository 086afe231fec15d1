"""Two texts side by side, with what is wrong in them marked."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import groupby

from mapsto.measures.bleu import WORD

Marked = list[tuple[str, bool]]  # the pieces of a text, one after the other, and which of them are marked
PIECE = re.compile(rf"{WORD.pattern}|\s+")


def apart(wanted: str, said: str) -> tuple[Marked, Marked]:
    """Both texts cut into words, signs and blanks; marked are the words that the other has not, in the same order and but for
    capital letters (the longest runs in common, as difflib finds them)."""
    cut = PIECE.findall(wanted), PIECE.findall(said)
    words = [[piece.lower() for piece in pieces if not piece.isspace()] for pieces in cut]
    shared: tuple[set[int], set[int]] = (set(), set())
    for block in SequenceMatcher(None, *words, autojunk=False).get_matching_blocks():
        shared[0].update(range(block.a, block.a + block.size))
        shared[1].update(range(block.b, block.b + block.size))
    return _marked(cut[0], shared[0]), _marked(cut[1], shared[1])


def runs(pieces: Marked) -> Marked:
    """The same text in as few pieces as can be; a blank between two marked words is marked, too."""
    odd = [wrong for _, wrong in pieces]
    between = [
        wrong or (piece.isspace() and all(odd[k - 1 : k]) and all(odd[k + 1 : k + 2]) and 0 < k < len(pieces) - 1)
        for k, (piece, wrong) in enumerate(pieces)
    ]
    together = groupby(zip(pieces, between, strict=True), key=lambda pair: pair[1])
    return [("".join(piece for (piece, _), _ in group), wrong) for wrong, group in together]


def starred(pieces: Marked) -> str:
    """The text, with what is marked between stars: a *rot* dog."""
    return "".join(
        re.sub(r"\S(?:.*\S)?", r"*\g<0>*", text, flags=re.DOTALL) if wrong else text for text, wrong in runs(pieces)
    )


def _marked(pieces: list[str], shared: set[int]) -> Marked:
    found, number = [], -1  # of the word that was met last
    for piece in pieces:
        number += not piece.isspace()
        found.append((piece, not piece.isspace() and number not in shared))
    return found
