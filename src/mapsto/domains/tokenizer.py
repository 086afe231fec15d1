"""How text becomes tokens and comes back: four ways, each learned from training text by the Rust library `tokenizers`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Literal

from mapsto.core.errors import FrameError

Way = Literal["characters", "words", "byte-pairs", "word-pieces"]
WAYS: tuple[Way, ...] = ("characters", "words", "byte-pairs", "word-pieces")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[NONE]")
PAD, UNKNOWN, START, END, MASK, NONE = range(len(SPECIAL))
STRANGE = "\N{REPLACEMENT CHARACTER}"  # what a token that was never seen comes back as
PLAIN = [
    *range(33, 127),
    *range(161, 173),
    *range(174, 256),
]  # bytes that byte pairs write as the character of that number
BYTES = {chr(byte): byte for byte in PLAIN} | {  # and all others as those from 256 on (Radford et al. 2019)
    chr(256 + number): byte for number, byte in enumerate(b for b in range(256) if b not in PLAIN)
}
PIECES = 64  # of a word at most, before word-pieces take it for unknown


class Tokenizer:
    """Text ↔ the numbers of its tokens. The first numbers are those of `SPECIAL`: no text is ever read as one of them.

    characters: one token each; one never seen is UNKNOWN.
    words: runs of letters, digits and marks, and of other signs; loses spaces.
    byte-pairs: frequent runs of bytes (Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019); gives any text back.
    word-pieces: frequent beginnings and continuations of words (Wu et al. 2016, arXiv:1609.08144); loses spaces.
    """

    def __init__(self, way: Way, pipeline: dict[str, Any]):
        """pipeline: as `state` gives it."""
        from tokenizers import Tokenizer as Pipeline

        self.way, self.state = way, pipeline
        try:
            self._pipeline = Pipeline.from_str(json.dumps(pipeline))
        except Exception as error:  # the library raises nothing narrower
            raise FrameError(f"this is no tokenizer that can be read: {error}.", code="M006") from error

    @classmethod
    def learned(cls, way: Way, texts: Iterable[str], vocabulary: int, at_least: int, lower: bool) -> Tokenizer:
        """From training texts. vocabulary: tokens at most; at_least: times a word, piece or character has to come."""
        import tokenizers
        from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

        lowered = [normalizers.Lowercase()] if lower else []
        normal = [normalizers.NFC(), *lowered]
        common = {"vocab_size": vocabulary, "special_tokens": list(SPECIAL), "show_progress": False}
        if way == "characters":
            kept = _frequent((text.lower() if lower else text for text in texts), at_least)
            known = {token: place for place, token in enumerate([*SPECIAL, *kept[: vocabulary - len(SPECIAL)]])}
            pipeline = tokenizers.Tokenizer(models.BPE(vocab=known, merges=[], unk_token=SPECIAL[UNKNOWN]))
            pipeline.normalizer = normalizers.Sequence(lowered)
            pipeline.decoder = decoders.Fuse()
            return cls(way, json.loads(pipeline.to_str()))
        if way == "words":
            pipeline = tokenizers.Tokenizer(models.WordLevel({}, unk_token=SPECIAL[UNKNOWN]))
            trainer = trainers.WordLevelTrainer(min_frequency=at_least, **common)
            pipeline.normalizer, pipeline.pre_tokenizer = normalizers.Sequence(normal), pre_tokenizers.Whitespace()
        elif way == "word-pieces":
            pipeline = tokenizers.Tokenizer(
                models.WordPiece({}, unk_token=SPECIAL[UNKNOWN], max_input_chars_per_word=PIECES)
            )
            pipeline.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=lower)
            texts = [pipeline.normalizer.normalize_str(text) for text in texts]
            letters = [c for c in _frequent(texts, at_least) if not c.isspace()][: vocabulary // 4]
            # named beforehand: the library numbers continuations as it happens upon them, and breaks ties by number
            common["special_tokens"] = [*SPECIAL, *sorted(letters), *(f"##{c}" for c in sorted(letters))]
            trainer = trainers.WordPieceTrainer(min_frequency=at_least, limit_alphabet=0, **common)
            pipeline.pre_tokenizer, pipeline.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
        elif way == "byte-pairs":
            pipeline = tokenizers.Tokenizer(models.BPE())
            alphabet = pre_tokenizers.ByteLevel.alphabet()
            trainer = trainers.BpeTrainer(min_frequency=at_least, initial_alphabet=sorted(alphabet), **common)
            pipeline.normalizer = normalizers.Sequence(lowered)
            pipeline.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            pipeline.decoder = decoders.ByteLevel()
        else:
            raise FrameError(f"a tokenizer is one of {', '.join(WAYS)}, but came {way!r}.")
        pipeline.train_from_iterator(texts, trainer)
        state = json.loads(pipeline.to_str())
        return cls(way, {**state, "added_tokens": []})  # else a text that has "[MASK]" in it would hold a mask

    def __len__(self) -> int:
        """How many tokens there are, the special ones among them."""
        return self._pipeline.get_vocab_size()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [found.ids for found in self._pipeline.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Numbers → text; special tokens say nothing, but UNKNOWN is shown."""
        if self.way in ("characters", "words"):
            said = [self.token(t) for t in tokens if t == UNKNOWN or t >= len(SPECIAL)]
            return ("" if self.way == "characters" else " ").join(said)
        return self._pipeline.decode([t for t in tokens if t >= len(SPECIAL)], skip_special_tokens=False)

    def token(self, number: int) -> str:
        """One token as it is written, for a person."""
        if number == UNKNOWN:
            return STRANGE
        if self.way == "byte-pairs" and number >= len(SPECIAL):
            return self._pipeline.decode([number], skip_special_tokens=False)
        return self._pipeline.id_to_token(number) or STRANGE

    @cached_property
    def spelled(self) -> list[bytes]:
        """What each token adds to a text, in UTF-8; a byte pair may be a part of a character. Special tokens add nothing, but
        UNKNOWN shows."""
        own = [self._pipeline.id_to_token(number) or "" for number in range(len(SPECIAL), len(self))]
        if self.way == "byte-pairs":
            said = [bytes(BYTES.get(sign, ord("?")) for sign in token) for token in own]
        elif self.way == "characters":
            said = [token.encode(errors="replace") for token in own]
        else:
            said = [(token[2:] if token.startswith("##") else f" {token}").encode(errors="replace") for token in own]
        return [STRANGE.encode() if number == UNKNOWN else b"" for number in range(len(SPECIAL))] + said

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text, as they are written; one that was never seen, as it stands in the text."""
        cut = self._pipeline.encode_batch(list(texts), add_special_tokens=False)
        return [
            [text[a:b] if n == UNKNOWN else self.token(n) for n, (a, b) in zip(found.ids, found.offsets, strict=True)]
            for text, found in zip(texts, cut, strict=True)
        ]


def _frequent(texts: Iterable[str], at_least: int) -> list[str]:
    """Characters that come so often, the most frequent first."""
    seen = Counter(chain.from_iterable(texts))
    return [c for c, times in sorted(seen.items(), key=lambda item: (-item[1], item[0])) if times >= at_least]
