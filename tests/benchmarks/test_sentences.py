"""The BiLSTM that sentences are timed with: right without packing, and learnable."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.speed import sentences


def test_two_lstms_and_a_gather_are_pytorchs_packed_bilstm():
    torch.manual_seed(0)
    ours = sentences.Classifier(20, embedding=6, width=5)
    packed = nn.LSTM(6, 5, batch_first=True, bidirectional=True)
    packed.load_state_dict(
        {**ours.ahead.state_dict(), **{f"{name}_reverse": tensor for name, tensor in ours.back.state_dict().items()}}
    )
    count = torch.tensor([7, 1, 4, 9])
    tokens = torch.randint(1, 20, (4, 9)) * (torch.arange(9) < count[:, None])
    rows = nn.utils.rnn.pack_padded_sequence(ours.embedding(tokens), count, batch_first=True, enforce_sorted=False)
    _, (last, _) = packed(rows)
    expected = ours.head(torch.cat([last[0], last[1]], dim=1))
    assert torch.allclose(ours(tokens, count), expected, atol=1e-6)
    longer = torch.cat([tokens, torch.zeros(4, 6, dtype=torch.long)], dim=1)
    assert torch.allclose(ours(longer, count), expected, atol=1e-6)
    assert ours(tokens[:1] * 0, count[:1] * 0).isfinite().all()


@pytest.fixture
def data():
    if not sentences.DATA.exists():
        pytest.skip(f"no sentences in {sentences.DATA}")


def test_sentences_are_learned_from_with_little_padding(data):
    ids, labels = sentences.sentences(rows=400)
    assert len(ids) == len(labels) == 400
    assert set(labels) == {0, 1}
    learner = sentences.learner(rows=400, epochs=6, rate=5e-3)
    held = learner.data.train.fields["input"]["tokens"]
    assert [held.values[a:b].tolist() for a, b in zip(held.offsets[:-1], held.offsets[1:], strict=True)] == ids
    learner.fit()
    assert learner.evaluate("train")["accuracy"].value > 0.9
    assert learner.data.input.decode(learner.data.train.gather(torch.tensor([0]))["input"])[0].split()[0] in (
        "the",
        "?",
    )


def test_all_sentences_are_padded_by_less_than_five_percent(data):
    passes = sentences.learner().algorithm.experience
    assert float(passes.padding.split()[1]) < 5
    assert passes.batches <= 8530 / 64 * 1.05
