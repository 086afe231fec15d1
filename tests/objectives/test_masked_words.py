"""Hidden words: who is hidden, what a wrong guess costs, and how blanks are filled in."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mapsto.core import seeds
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.ragged import mask
from mapsto.domains.tokenizer import END, MASK, SPECIAL, START
from mapsto.models import BERT
from mapsto.objectives import MaskedWords
from mapsto.objectives.masked_words import hidden

WORDS = 60  # tokens there are


def texts(lengths, pad_to=0, seed=0):
    """Texts of so many words, START and END around each."""
    g = torch.Generator().manual_seed(seed)
    tokens = torch.zeros(len(lengths), max(pad_to, max(lengths) + 2), dtype=torch.long)
    for i, n in enumerate(lengths):
        tokens[i, 0], tokens[i, n + 1] = START, END
        tokens[i, 1 : n + 1] = torch.randint(len(SPECIAL), WORDS, (n,), generator=g)
    return {"tokens": tokens, "count": torch.tensor(lengths) + 2}


def bert(seed=0):
    torch.manual_seed(seed)
    return BERT({"tokens": [WORDS]}, WORDS, width=8, depth=1, heads=2, each=True, tied=True)


def batch(input):
    here = mask(input["count"], input["tokens"].shape[1])
    return {"input": input, "target": input["tokens"].masked_fill(~here, -1)}


@torch.no_grad()
def cost(model, batch):
    (loss,) = MaskedWords().losses(model, batch, "").values()
    return loss


def test_a_share_of_the_words_is_hidden_and_no_sign_that_is_none():
    asked = hidden(texts([1, 10, 20, 100]), 0.15, WORDS)
    assert asked.real.sum(1).tolist() == [1, 2, 3, 15]
    assert (asked.truth[asked.real] >= len(SPECIAL)).all()
    for row, real in zip(asked.places.tolist(), asked.real.tolist(), strict=True):
        told = [place for place, is_real in zip(row, real, strict=True) if is_real]
        assert len(set(told)) == len(told)


def test_an_empty_text_is_asked_nothing_and_costs_nothing():
    model = bert().eval()
    empty = batch(texts([0, 0]))
    assert not hidden(empty["input"], 0.15, WORDS).real.any()
    loss = cost(model, empty)
    assert float(loss.total) == float(loss.count) == 0


def test_most_are_masked_some_are_another_word_and_some_are_left():
    input = texts([400] * 50)
    asked = hidden(input, 0.15, WORDS, anew=True)
    shown, truth = asked.input["tokens"].gather(1, asked.places)[asked.real], asked.truth[asked.real]
    assert (shown == MASK).float().mean() == pytest.approx(0.8, abs=0.03)
    assert (shown == truth).float().mean() == pytest.approx(0.1 + 0.1 / (WORDS - len(SPECIAL)), abs=0.02)
    others = shown[(shown != MASK) & (shown != truth)]
    assert others.min() == len(SPECIAL) and others.max() == WORDS - 1
    untouched = torch.ones_like(input["tokens"], dtype=torch.bool)
    untouched.scatter_(1, asked.places, ~asked.real)
    assert torch.equal(asked.input["tokens"][untouched], input["tokens"][untouched])


def test_in_training_words_are_hidden_anew_at_each_step_as_the_seed_has_it():
    def at(step):
        seeds.set_all(3, step)
        return hidden(texts([40] * 4), 0.15, WORDS, anew=True).input["tokens"]

    assert torch.equal(at(7), at(7))
    assert not torch.equal(at(7), at(8))


def test_in_an_exam_the_same_words_are_hidden_again_and_again():
    model, objective, asked = bert().eval(), MaskedWords(), batch(texts([30, 12, 7]))
    torch.manual_seed(0)
    first = objective.predict(model, asked)
    torch.manual_seed(1)
    again = objective.predict(model, asked)
    assert torch.equal(first.nan_to_num(-1), again.nan_to_num(-1))
    one, other = (cost(model, asked).total for _ in range(2))
    assert float(one) == float(other) > 0


def test_what_is_hidden_hangs_on_no_padding_and_no_neighbour():
    near, far = texts([30, 12, 7]), texts([30, 12, 7], pad_to=90)
    one, other = hidden(near, 0.15, WORDS), hidden(far, 0.15, WORDS)
    assert torch.equal(one.input["tokens"], other.input["tokens"][:, : near["tokens"].shape[1]])
    alone = hidden({name: tensor[1:2] for name, tensor in near.items()}, 0.15, WORDS)
    assert torch.equal(alone.input["tokens"][0], one.input["tokens"][1])


def test_different_texts_have_different_words_hidden():
    input = texts([40] * 200)
    asked = hidden(input, 0.15, WORDS)
    places = torch.zeros(input["tokens"].shape[1])
    places.index_add_(0, asked.places[asked.real], torch.ones(int(asked.real.sum())))
    share = places[1:41] / 200
    assert share.min() > 0.05 and share.max() < 0.27 and share.mean() == pytest.approx(0.15, abs=0.001)


def test_the_loss_is_the_mean_surprise_at_hidden_words():
    model, asked = bert().eval(), batch(texts([20, 9]))
    loss = cost(model, asked)
    seen = hidden(asked["input"], 0.15, WORDS)
    with torch.no_grad():
        log_p = model({"tokens": seen.input["tokens"], "count": seen.input["count"]}).log_softmax(-1)
    total = sum(
        -float(log_p[i, p, t])
        for i in range(2)
        for p, t, real in zip(seen.places[i].tolist(), seen.truth[i].tolist(), seen.real[i].tolist(), strict=True)
        if real
    )
    assert float(loss.count) == 3 + 1
    assert float(loss.total) == pytest.approx(total, rel=1e-5)


def test_an_example_of_weight_nought_does_not_count():
    model, asked = bert().eval(), batch(texts([20, 9]))
    whole = cost(model, asked)
    half = cost(model, {**asked, "weight": torch.tensor([0.0, 1.0])})
    assert float(half.count) == 1 < float(whole.count)


def test_its_measures_are_those_of_the_hidden_words():
    model, objective, asked = bert().eval(), MaskedWords(), batch(texts([20, 9, 0, 31]))
    with torch.no_grad():
        said = objective.predict(model, asked)
        (loss,) = objective.losses(model, asked, "").values()
    measures = objective.measures(None)
    for measure in measures.values():
        measure.update(said, asked["target"])
    assert measures["perplexity"].total() == pytest.approx(math.exp(float(loss.total / loss.count)), rel=1e-5)
    seen = hidden(asked["input"], 0.15, WORDS)
    with torch.no_grad():
        guess = model(seen.input).argmax(-1)
    right = (guess == seen.truth)[seen.real].float().mean()
    assert measures["accuracy"].total() == pytest.approx(float(right))


def test_blanks_are_filled_in_and_nothing_else_is_changed():
    model, objective, input = bert().eval(), MaskedWords(), texts([8, 8, 8])
    input["tokens"][0, 3] = input["tokens"][0, 5] = input["tokens"][1, 1] = MASK
    with torch.no_grad():
        said = objective.predict(model, {"input": input})
        expected = model(input).argmax(-1)
    filled = said[:, :, 0].long()
    assert not (filled == MASK).any()
    assert filled[0, 3] == expected[0, 3] and filled[0, 5] == expected[0, 5] and filled[1, 1] == expected[1, 1]
    blank = input["tokens"] == MASK
    assert torch.equal(filled[~blank], input["tokens"][~blank])
    alone = objective.predict(model, {"input": {name: tensor[:1] for name, tensor in input.items()}})
    torch.testing.assert_close(alone, said[:1], equal_nan=True)
    assert not alone[0, 3].isnan().any() and alone[0, 4, 1:].isnan().all()


def test_a_text_of_nothing_but_blanks_is_filled_in():
    input = texts([3])
    input["tokens"][0, 1:4] = MASK
    said = MaskedWords().predict(bert().eval(), {"input": input})
    assert (said[0, 1:4, 0] != MASK).all()


def test_what_is_learned_by_it_is_to_guess():
    model, objective, asked = bert(), MaskedWords(0.3), batch(texts([12] * 8))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    seeds.set_all(0, 0)
    losses = []
    for _ in range(60):
        (loss,) = objective.losses(model, asked, "").values()
        mean = loss.total / loss.count
        optimizer.zero_grad()
        mean.backward()
        optimizer.step()
        losses.append(float(mean.detach()))
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_a_model_that_does_not_answer_for_each_token_is_told_so():
    class Whole(nn.Module):
        outputs = WORDS

        def forward(self, input):
            return F.one_hot(input["tokens"][:, 0], WORDS).float()

    with pytest.raises(ShapeError, match=r"MaskedWords needs logits .* at the places asked for, but Whole gave"):
        MaskedWords().losses(Whole(), batch(texts([9, 9])), "")


def test_a_share_that_is_none_is_refused():
    with pytest.raises(FrameError, match=r"in \(0, 1\), but came 1\.5"):
        MaskedWords(1.5)
