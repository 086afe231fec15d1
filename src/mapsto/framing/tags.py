"""What is to be seen to where every word has a tag: that there is one for each, and what is rare or unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mapsto.core.errors import DataError
from mapsto.core.nouns import Domain, Finding
from mapsto.core.text import clean, many
from mapsto.domains.column import parts
from mapsto.domains.words import Words

if TYPE_CHECKING:
    from mapsto.framing.prepare import Prepared

FEW = 5  # training words that have a tag, below which its scores mean little


def one_tag_a_word(input: Domain, sentences: Any, tags: Sequence, labels: Sequence) -> None:
    """DataError where there are not as many tags as words in each of these sentences. labels: what they are called."""
    if not isinstance(input, Words):
        raise DataError(
            f"tags are said of words, but the input is {input.describe()}.",
            "Say which column holds the words of each sentence: --set data.kinds.COLUMN=words",
            "D135",
        )
    both = zip(sentences, tags, strict=True)
    counts = [(len(parts(w, i, "Words")), len(parts(t, i, "Tags"))) for i, (w, t) in enumerate(both)]
    odd = [i for i, (words, said) in enumerate(counts) if words != said]
    if odd:
        words, said = counts[odd[0]]
        where, more = clean(str(labels[odd[0]]), 60), f"; so it is in {len(odd) - 1} more" if len(odd) > 1 else ""
        raise DataError(
            f"there is one tag for each word, but {where} has {many(words, 'word')} and {many(said, 'tag')}{more}.",
            "Mend these sentences, or leave them out.",
            "D148",
        )


def check_tags(prepared: Prepared) -> Iterator[Finding]:
    """Tags that hardly come, and words of the exam that training has not."""
    if prepared.problem != "tagging":
        return
    pairs = zip(prepared.target.classes, prepared.target.counts, strict=True)
    rare = [f"{clean(str(tag), 30)} {count}" for tag, count in pairs if count < FEW]
    if rare:
        message = f"tags of fewer than {FEW} training words: their scores mean little"
        yield Finding("C036", "warning", message, len(rare), tuple(rare[:5]))
    examined = [part for part in ("valid", "test") if len(prepared.parts[part])]
    shares = {part: prepared.input.unknown(prepared.fields[part]["input"]) for part in examined}
    if any(shares.values()):
        said = ", ".join(f"{share:.1%} in {part}" for part, share in shares.items())
        yield Finding(
            "C024", "note", f"words that training hardly has, told by their characters and neighbours: {said}"
        )
