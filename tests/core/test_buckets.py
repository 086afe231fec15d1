"""Length buckets: how much padding is left, in how few shapes, and what they promise whatever the lengths."""

import gzip
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mapsto.core.buckets import SHAPES, Buckets

DATA = Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))


def speech(rows, seed=0):
    """Frames of 10 ms of recordings of 1 to 20 s."""
    return (100 * np.exp(np.random.default_rng(seed).normal(np.log(5), 0.7, rows)).clip(1, 20)).astype(int)


def text(rows, seed=0):
    """Words of sentences."""
    return np.exp(np.random.default_rng(seed).normal(3, 0.6, rows)).astype(int)


def one_sided(lengths):
    return torch.as_tensor(np.asarray(lengths)).long().reshape(len(lengths), -1)


def words(path):
    if not (DATA / path).exists():
        pytest.skip(f"no {path} in {DATA}")
    opened = gzip.open if path.endswith(".gz") else open
    with opened(DATA / path, "rt", encoding="utf-8") as file:
        return [len(line.split("\t")[0].split()) for line in file]


def written_out(lengths, blocks):
    """Real and padded entries, counted one example at a time."""
    real = padded = 0
    for block in blocks:
        for i in block.index.tolist():
            real += int(lengths[i].sum())
            padded += sum(block.pad_to)
    return real, padded


MADE = {
    "speech": speech(10_000),
    "speech in samples": speech(10_000) * 160 + np.arange(10_000) % 160,
    "text": text(10_000),
    "few": text(150),
    "one": [5],
    "three": [3, 50, 1000],
    "all alike": [7] * 1000,
    "all empty": [0] * 100,
    "some empty": np.arange(500) % 4,
    "one enormous": [*text(2000), 10**6],
    "heavy": (np.random.default_rng(0).pareto(1.1, 3000) * 5).astype(int),
    "two sides": np.stack([text(3000), text(3000) + np.arange(3000) % 3], 1),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("tokens", [None, 500])
@pytest.mark.parametrize("batch_size", [1, 64])
def test_every_example_is_in_one_batch_that_has_room_for_it(name, tokens, batch_size):
    lengths = one_sided(MADE[name])
    buckets = Buckets(lengths, batch_size, tokens)
    order = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(1))
    blocks = buckets.blocks(order, "cpu")
    assert sorted(torch.cat([block.index for block in blocks]).tolist()) == list(range(len(lengths)))
    assert len(blocks) == len(buckets)
    for block in blocks:
        assert 1 <= len(block.index) <= batch_size
        assert min(block.pad_to) >= 1
        assert (lengths[block.index] <= torch.tensor(block.pad_to)).all()
        assert tokens is None or len(block.index) == 1 or len(block.index) * max(block.pad_to) <= tokens
    assert (buckets.padding.real, buckets.padding.padded) == written_out(lengths, blocks)
    assert buckets.padding.shapes == len({block.pad_to for block in blocks})


@pytest.mark.parametrize("name", ["speech", "speech in samples", "text"])
def test_padding_is_at_most_five_percent_in_few_shapes(name):
    padding = Buckets(one_sided(MADE[name]), 64).padding
    assert padding.share < 0.05
    assert padding.shapes <= SHAPES
    at_random = torch.as_tensor(np.asarray(MADE[name])).split(64)
    wasted = 1 - padding.real / sum(len(rows) * int(rows.max()) for rows in at_random)
    assert wasted > 0.25  # what it is without buckets


@pytest.mark.parametrize(
    "path",
    ["mr_sentiment/train.tsv", "multi30k_de_en/train.de.gz", "multi30k_de_en/train.en.gz", "tatoeba_cmn_en/cmn.txt"],
)
def test_padding_of_real_sentences_is_at_most_five_percent(path):
    assert Buckets(one_sided(words(path)), 64).padding.share < 0.05


def test_two_sides_of_a_translation_are_padded_little_both():
    sides = [words(f"multi30k_de_en/train.{language}.gz") for language in ("de", "en")]
    both, one = (Buckets(one_sided(np.stack(s, 1)), 64).padding for s in (sides, [sides[0], sides[0]]))
    assert both.share < 0.06
    assert one.share < 0.05  # a side that is as long as the other costs nothing more


def test_shapes_and_batches_are_the_same_in_every_epoch_and_examples_are_not():
    buckets = Buckets(one_sided(MADE["text"]), 64)
    first, second = (
        buckets.blocks(torch.randperm(10_000, generator=torch.Generator().manual_seed(s)), "cpu") for s in (0, 1)
    )
    assert [(len(b.index), b.pad_to) for b in first] == [(len(b.index), b.pad_to) for b in second]
    assert [set(b.index.tolist()) for b in first] != [set(b.index.tolist()) for b in second]
    assert len(first) <= 10_000 / 64 * 1.05


def test_no_more_shapes_than_little_padding_needs():
    assert Buckets(one_sided([7] * 1000), 64).padding.shapes == 1
    assert Buckets(one_sided([10, 100] * 500), 64).padding.shapes == 2
    assert Buckets(one_sided(np.arange(1000) % 20 + 50), 64).padding.shapes < 10


def test_an_enormous_example_is_alone_in_its_batch():
    buckets = Buckets(one_sided(MADE["one enormous"]), 64)
    blocks = {block.pad_to: block for block in buckets.blocks(torch.arange(2001), "cpu")}
    assert blocks[10**6,].index.tolist() == [2000]
    assert max(pad for (pad,) in blocks if pad < 10**6) < 1000
    assert buckets.padding.share < 0.05


def test_an_enormous_example_is_alone_among_very_many_lengths_too():
    buckets = Buckets(one_sided([*MADE["speech in samples"], 10**9]), 64)
    assert buckets.edges[-1] == (10**9,) and buckets.sizes[-1] == 1
    assert buckets.padding.share < 0.05


def test_what_a_bucket_leaves_over_joins_the_next_where_that_is_cheap():
    assert Buckets(one_sided([10] * 70 + [14] * 70), 64).sizes == [64, 64, 12]
    assert Buckets(one_sided([10] * 70 + [1000] * 10), 64).sizes == [64, 6, 10]


def test_a_million_rows_are_planned_in_less_than_a_second():
    lengths = one_sided(speech(1_000_000) * 160 + np.arange(1_000_000) % 160)
    order = torch.randperm(1_000_000)
    begun = time.process_time()
    Buckets(lengths, 64).blocks(order, "cpu")
    assert time.process_time() - begun < 1.0


def test_padding_is_told_in_a_line():
    assert str(Buckets(one_sided([1, 2, 3, 4]), 4).padding) == "padding 37.5 % of 16 tokens, 1 shape"


def test_columns_of_the_same_lengths_throughout_are_counted_once():
    words = torch.tensor([[2], [3], [7], [9]])
    alone, tagged = Buckets(words, 2), Buckets(words.expand(-1, 3), 2)
    assert str(tagged.padding) == str(alone.padding) and tagged.edges == [edge * 3 for edge in alone.edges]
    other = torch.cat([words, words.flip(0)], dim=1)
    assert Buckets(other, 2).padding.real == 2 * alone.padding.real
