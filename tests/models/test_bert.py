"""BERT is its formulas, sees no padding, and answers for a text, for each token, or where it is asked."""

import pytest
import torch
import torch.nn.functional as F

from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Layered
from mapsto.models import BERT

SHAPE = {"tokens": [30]}


def bert(outputs=3, seed=0, **more):
    torch.manual_seed(seed)
    model = BERT(SHAPE, outputs, **{"width": 12, "depth": 2, "heads": 3, "context": 40, **more}).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape))  # else norms and biases do nothing
    return model


def texts(lengths, pad_to, seed=0):
    g = torch.Generator().manual_seed(seed)
    tokens = torch.zeros(len(lengths), pad_to, dtype=torch.long)
    for i, n in enumerate(lengths):
        tokens[i, :n] = torch.randint(6, 30, (n,), generator=g)
    return {"tokens": tokens, "count": torch.tensor(lengths)}


def norm(x, layer):
    mean, spread = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / (spread + layer.eps).sqrt() * layer.weight + layer.bias


def written_out(model, tokens):
    """The states of one text without padding, [T, D], in plain products and sums (Devlin et al. 2019; Vaswani et al. 2017)."""
    width, heads = model.width, model.heads
    x = norm(model.tokens.table.weight[tokens] + model.places.weight[: len(tokens)], model.norm)
    for block in model.blocks:
        joined = x @ block.attention.project.weight.T + block.attention.project.bias
        answers = []
        for head in range(heads):
            part = slice(head * width // heads, (head + 1) * width // heads)
            q, k, v = (joined[:, n * width : (n + 1) * width][:, part] for n in range(3))
            score = (q @ k.T) / (width // heads) ** 0.5
            share = score.exp() / score.exp().sum(1, keepdim=True)
            answers.append(share @ v)
        attended = torch.cat(answers, 1) @ block.attention.join.weight.T + block.attention.join.bias
        x = norm(x + attended, block.norm)
        wide = x @ block.widen.weight.T + block.widen.bias
        thought = 0.5 * wide * (1 + torch.erf(wide / 2**0.5))
        x = norm(x + thought @ block.narrow.weight.T + block.narrow.bias, block.last_norm)
    return x


def test_it_is_what_the_papers_write():
    model, asked = bert(), texts([7], 7)
    with torch.no_grad():
        torch.testing.assert_close(
            model.features(asked)[0], written_out(model, asked["tokens"][0]), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("pool", ["mean", "first"])
def test_padding_says_nothing_even_of_empty_texts(pool):
    model, lengths = bert(pool=pool), [0, 1, 2, 5, 9]
    with torch.no_grad():
        near, far = model(texts(lengths, 9)), model(texts(lengths, 31))
    torch.testing.assert_close(near, far)
    assert near.isfinite().all() and not torch.equal(near[1], near[3])


def test_a_text_is_its_first_state_or_the_mean_of_all():
    asked = texts([4, 6], 8)
    for pool in ("first", "mean"):
        model = bert(pool=pool)
        with torch.no_grad():
            states = model.features(asked)
            rows = [states[0, 0] if pool == "first" else states[0, :4].mean(0)]
            rows += [states[1, 0] if pool == "first" else states[1, :6].mean(0)]
            torch.testing.assert_close(model(asked), model.head(torch.stack(rows), asked))


def test_every_token_is_answered_or_those_that_are_asked_for():
    model, asked = bert(each=True), texts([3, 8], 8)
    places = torch.tensor([[2, 0], [7, 1]])
    with torch.no_grad():
        every = model(asked)
        some = model({**asked, "asked": places})
    assert every.shape == (2, 8, 3)
    torch.testing.assert_close(some, every.gather(1, places[:, :, None].expand(-1, -1, 3)))


def test_the_head_for_words_ends_with_the_table_of_tokens():
    model, asked = bert(30, each=True, tied=True), texts([5], 5)
    with torch.no_grad():
        states = model.features(asked)
        changed = norm(F.gelu(model.head.change(states)), model.head.norm)
        torch.testing.assert_close(
            model(asked), changed @ model.tokens.table.weight.T + model.head.bias, rtol=1e-5, atol=1e-5
        )
    names = [name for name, _ in model.named_parameters() if "table" in name or "head" in name]
    assert names.count("tokens.table.weight") == 1 and "head.bias" in names


def test_its_parts_are_all_of_it_from_the_input_to_the_answer():
    model = bert()
    assert isinstance(model, Layered)
    parts = model.parts()
    assert len(parts) == 4 and parts[-1] is model.head and parts[1] is model.blocks[0]
    assert {id(p) for part in parts for p in part.parameters()} == {id(p) for p in model.parameters()}


def test_a_text_longer_than_its_context_is_refused_with_what_to_do():
    with pytest.raises(ShapeError, match=r"places for 40 tokens, but a text has 41.*\n.*data\.text\.longest=40"):
        bert()(texts([41], 41))


def test_impossible_settings_are_refused():
    with pytest.raises(FrameError, match="pools by mean or first"):
        BERT(SHAPE, 2, pool="last")
    with pytest.raises(FrameError, match="tied answers are one of the 30 tokens"):
        BERT(SHAPE, 2, tied=True, each=True)
    with pytest.raises(FrameError, match="heads"):
        BERT(SHAPE, 2, width=10, heads=4)
    with pytest.raises(ShapeError, match="reads text, but the input is"):
        BERT((3, 8, 8), 2)
