"""Models that answer for every token: what they say does not hang on padding, and is what their formulas say."""

import pytest
import torch
import torch.nn.functional as F

from mapsto.core import names, seeds
from mapsto.core.errors import FrameError, ShapeError
from mapsto.layers.crf import crf_of
from mapsto.models import BagOfEmbeddings, Recurrent, TextCNN, UsualTag

SHAPE = {"tokens": [30], "characters": [12]}


def sentences(lengths, pad_to, seed=0):
    g = torch.Generator().manual_seed(seed)
    tokens, characters = (
        torch.zeros(len(lengths), pad_to, dtype=torch.long),
        torch.zeros(len(lengths), pad_to, 6).long(),
    )
    for i, n in enumerate(lengths):
        tokens[i, :n] = torch.randint(1, 30, (n,), generator=g)
        characters[i, :n, :4] = torch.randint(1, 12, (n, 4), generator=g)
    return {"tokens": tokens, "characters": characters, "count": torch.tensor(lengths)}


@pytest.fixture(autouse=True)
def seeded():
    seeds.set_all(0)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("each", [True, False])
def test_padding_says_nothing_even_of_empty_sentences(cell, each):
    model, lengths = Recurrent(SHAPE, 3, cell, 8, 5, depth=2, each=each).eval(), [0, 1, 2, 5, 9]
    with torch.no_grad():
        near, far = model(sentences(lengths, 9)), model(sentences(lengths, 31))
    assert near.isfinite().all() and far.isfinite().all()
    if not each:
        torch.testing.assert_close(near, far)
        assert not torch.equal(near[1], near[3])
        return
    for row, n in enumerate(lengths):
        torch.testing.assert_close(near[row, :n], far[row, :n])


def test_a_sentence_is_told_from_the_largest_of_its_states():
    model, asked = Recurrent({"tokens": [30]}, 2, width=4).eval(), sentences([6, 3], 6)
    states = model.reading(model.tokens(asked), asked["count"])
    largest = torch.stack([states[0].amax(0), states[1, :3].amax(0)])
    torch.testing.assert_close(model(asked), model.output[1](largest))


def test_it_can_be_written_down_with_its_path():
    model = Recurrent(SHAPE, 3, each=True, crf=True)
    again = names.build("model", names.spec(model))
    assert again.crf is True and crf_of(again) is not None and crf_of(Recurrent(SHAPE, 3, each=True)) is None
    assert {n: t.shape for n, t in again.state_dict().items()} == {n: t.shape for n, t in model.state_dict().items()}


def test_impossible_settings_are_refused():
    with pytest.raises(FrameError, match="path of tags"):
        Recurrent(SHAPE, 3, crf=True)
    with pytest.raises(FrameError, match="at least 1"):
        Recurrent(SHAPE, 3, depth=0)
    with pytest.raises(ShapeError, match="reads text"):
        Recurrent((6,), 3)


def test_the_usual_tag_of_a_word_is_the_one_it_has_most_often():
    tokens = torch.tensor([[5, 5, 5, 6, 0], [6, 7, 1, 1, 8]])
    tag = torch.tensor([[2, 2, 0, 1, -1], [1, 0, 2, 2, 2]])
    model = UsualTag(SHAPE, 3)
    model.solve({"input": {"tokens": tokens, "count": torch.tensor([4, 5])}, "target": tag}, "tagging", 0)
    given = model({"tokens": torch.tensor([[5, 6, 7, 1, 29]])})
    assert given.argmax(2).tolist() == [[2, 1, 0, 2, 2]]
    torch.testing.assert_close(given.exp().sum(2), torch.ones(1, 5))
    overall = F.one_hot(tag[tag >= 0], 3).float().mean(0)
    torch.testing.assert_close(given[0, 0].exp(), (torch.tensor([1.0, 0, 2]) + overall) / 4)


def test_rare_words_have_the_usual_tag_of_all_rare_ones():
    tokens, tag = torch.tensor([[5, 5, 6, 7, 8]]), torch.tensor([[0, 0, 1, 2, 2]])
    batch = {"input": {"tokens": tokens, "count": torch.tensor([5])}, "target": tag}
    rare, never = UsualTag(SHAPE, 3, at_least=2), UsualTag(SHAPE, 3, at_least=2**53)
    rare.solve(batch, "tagging", 0)
    never.solve(batch, "tagging", 0)
    assert rare(batch["input"]).argmax(2).tolist() == [[0, 0, 2, 2, 2]]
    assert len(never(batch["input"]).unique(dim=1)[0]) == 1
    with pytest.raises(FrameError, match="solves tagging"):
        rare.solve(batch, "classification", 0)


def test_a_sentence_of_weight_nought_might_as_well_not_be_there():
    few = {"input": {"tokens": torch.tensor([[5, 6]]), "count": torch.tensor([2])}, "target": torch.tensor([[0, 1]])}
    more = {
        "input": {"tokens": torch.tensor([[5, 6], [5, 6]]), "count": torch.tensor([2, 2])},
        "target": torch.tensor([[0, 1], [2, 2]]),
        "weight": torch.tensor([1.0, 0.0]),
    }
    one, other = UsualTag(SHAPE, 3), UsualTag(SHAPE, 3)
    one.solve(few, "tagging", 0)
    other.solve(more, "tagging", 0)
    assert torch.equal(one.answer, other.answer)


@pytest.mark.parametrize("kind", [TextCNN, BagOfEmbeddings])
def test_models_of_texts_read_the_characters_of_words_too(kind):
    model, asked = kind(SHAPE, 2).eval(), sentences([4, 2], 5)
    other = {**asked, "characters": asked["characters"].clamp(max=3)}
    assert model(asked).shape == (2, 2) and not torch.allclose(model(asked), model(other))
