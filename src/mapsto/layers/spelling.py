"""What a word looks like: its beginning, its ending, its capital letters, whether it was ever seen or not."""

from __future__ import annotations

from torch import Tensor, nn

PAD = 0


class Spelling(nn.Module):
    """Convolutions over the characters of each word, and the strongest answer of each of them (dos Santos and Zadrozny 2014,
    "Learning character-level representations for part-of-speech tagging"; Ma and Hovy 2016, arXiv:1603.01354, §2.1).

    letters: how many numbers characters have. width: answers. embedding: numbers in a character's vector. size: characters
        that a convolution sees at a time.
    forward: characters [B, T, C] int64, 0 where a word has ended → [B, T, width], zero where there is no word.
    """

    def __init__(self, letters: int, width: int, embedding: int = 32, size: int = 3):
        super().__init__()
        self.table = nn.Embedding(letters, embedding, padding_idx=PAD)
        self.parts = nn.Conv1d(embedding, width, size, padding=size // 2)

    def forward(self, characters: Tensor) -> Tensor:
        words = characters.flatten(0, 1)  # [B T, C]
        answers = self.parts(self.table(words).transpose(1, 2))  # [B T, width, C]
        strongest = answers.masked_fill((words == PAD)[:, None], float("-inf")).amax(dim=2)
        return strongest.masked_fill((words[:, :1] == PAD), 0.0).unflatten(0, characters.shape[:2])
