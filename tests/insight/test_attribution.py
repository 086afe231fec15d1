"""Which words spoke for an answer; where a model looks; which words it takes to be alike."""

import pytest
import torch
from torch import nn

from mapsto.core.errors import BadInput, FrameError
from mapsto.data.dataset import Examples
from mapsto.domains import Text
from mapsto.insight.attention_maps import attention_maps
from mapsto.insight.attribution import attributed, words_of
from mapsto.insight.nearest import nearest
from mapsto.layers.attention import Attention
from mapsto.models import MLP, BagOfEmbeddings, TextCNN

TEXTS = ["good film", "bad film", "a good good end", "bad and long", "film", "a film , a bad film"]


@pytest.fixture(scope="module")
def text():
    return Text("words", at_least=1).fit(TEXTS)


def ready(text, texts=TEXTS):
    return Examples({"input": text.encode(texts)}).gather(torch.arange(len(texts)))


def judge(text):
    """Reads nothing but good and bad."""
    torch.manual_seed(0)
    model = BagOfEmbeddings(text.shape, 2, width=2, dropout=0.0)
    with torch.no_grad():
        model.tokens.table.weight.zero_()
        for word, way in (("good", 1.0), ("bad", -1.0)):
            model.tokens.table.weight[text.tokens.encode([word])[0][0]] = torch.tensor([way, 0.0])
        model.output[1].weight.copy_(torch.tensor([[-3.0, 0.0], [3.0, 0.0]]))
        model.output[1].bias.zero_()
    return model


def test_the_words_that_decide_have_all_of_it(text):
    found = attributed(judge(text), text, ready(text), torch.tensor([1, 1, 1, 1, 1, 1]))
    assert found[0].tokens == ["good", "film"]
    assert found[0].shares[0] == pytest.approx(3.0, abs=1e-4) and found[0].shares[1] == pytest.approx(0.0, abs=1e-6)
    assert found[1].shares[0] == pytest.approx(-3.0, abs=1e-4)


@pytest.mark.parametrize("make", [lambda s: BagOfEmbeddings(s, 3, 8), lambda s: TextCNN(s, 3, 8, 6)])
def test_shares_add_up_to_what_the_words_did(text, make):
    torch.manual_seed(1)
    model = make(text.shape).train()
    for answer in range(3):
        for one in attributed(model, text, ready(text), torch.full((6,), answer)):
            assert sum(one.shares) == pytest.approx(one.whole - one.nothing, abs=0.02)
    assert model.training  # as it was found
    assert all(p.grad is None for p in model.parameters())


def test_padding_has_no_part_in_it(text):
    model = judge(text)
    alone = attributed(model, text, ready(text, TEXTS[:1]), torch.tensor([1]))[0]
    beside = attributed(model, text, ready(text), torch.ones(6, dtype=torch.long))[0]
    assert alone.shares == pytest.approx(beside.shares)


def test_shares_are_shown_as_parts_of_the_largest(text):
    (one,) = attributed(judge(text), text, ready(text, TEXTS[5:]), torch.tensor([1]))
    assert words_of(one)[4] == ("bad", -1.0)
    assert words_of(one, most=2)[2:] == [("…", 0.0)]


def test_a_model_without_vectors_of_words_is_refused(text):
    with pytest.raises(FrameError, match="no vectors of tokens"):
        attributed(MLP((4,), 2), text, ready(text), torch.zeros(6))


def test_neighbours_are_those_that_point_the_same_way(text):
    model = judge(text)
    with torch.no_grad():
        model.tokens.table.weight[text.tokens.encode(["end"])[0][0]] = torch.tensor([0.5, 0.1])
    (first, alike), *_ = nearest(model, text, "good", 3)
    assert first == "end" and alike == pytest.approx(0.5 / (0.26**0.5))
    with pytest.raises(BadInput, match="'goof' was not in the training texts. Near it: good"):
        nearest(model, text, "goof")


class Looking(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Attention(8, 2, causal=True), Attention(8, 4, cross=True)

    def forward(self, x):
        return self.second(self.first(x), context=x, here=torch.ones(x.shape[:2], dtype=torch.bool))


def test_maps_are_the_weights_by_which_answers_are_averaged():
    torch.manual_seed(0)
    model, x = Looking(), torch.randn(3, 5, 8)
    maps = attention_maps(model, lambda: model(x))
    assert {name: list(m.shape) for name, m in maps.items()} == {"first": [3, 2, 5, 5], "second": [3, 4, 5, 5]}
    assert all(torch.allclose(m.sum(-1), torch.ones(m.shape[:-1])) for m in maps.values())
    assert (maps["first"].triu(1) == 0).all()
    values = model.first.heads_of(x)[2]
    answer = model.first.join((maps["first"] @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(answer, model.first(x))
