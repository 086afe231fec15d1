"""GPT: what it says at a place hangs on what came before, and on nothing else; read on token by token it says the same."""

import copy
import json

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F

from mapsto.core import names
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Writer
from mapsto.layers.decoding import Sampling, likeliest, written
from mapsto.layers.lora import adapt
from mapsto.learner.learner import initialised
from mapsto.models import GPT

TOKENS = {"tokens": [11]}


def gpt(**more):
    settings = {"width": 16, "depth": 2, "heads": 4, "context": 12, **more}
    return initialised(lambda: GPT(TOKENS, 11, **settings), 0)


def stirred(**more):
    """With weights of some size, so that all of them matter."""
    model = gpt(**more)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return model.eval()


def text(rows=3, length=12, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(1, 11, (rows, length), generator=draw)


def asked(model, tokens):
    return model({"tokens": tokens, "count": torch.full((len(tokens),), tokens.shape[1])})


def written_out(model, tokens):
    """The published network, head by head (Radford et al. 2019; Vaswani et al. 2017)."""
    T = tokens.shape[1]
    x = model.tokens.table.weight[tokens] + model.places.weight[:T]
    for block in model.blocks:
        q, k, v = block.attention.project(F.layer_norm(x, x.shape[-1:], block.norm.weight, block.norm.bias)).chunk(
            3, -1
        )
        heads = []
        for h in range(model.heads):
            part = slice(h * 4, h * 4 + 4)
            score = q[..., part] @ k[..., part].transpose(1, 2) / 2
            score = score.masked_fill(torch.ones(T, T).triu(1).bool(), float("-inf"))
            heads.append(score.softmax(-1) @ v[..., part])
        x = x + block.attention.join(torch.cat(heads, -1))
        y = F.layer_norm(x, x.shape[-1:], block.last_norm.weight, block.last_norm.bias)
        wide = block.widen(y)
        wide = 0.5 * wide * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (wide + 0.044715 * wide**3)))
        x = x + block.narrow(wide)
    x = F.layer_norm(x, x.shape[-1:], model.norm.weight, model.norm.bias)
    return x @ (model.tokens.table.weight if model.head is None else model.head.weight).T


@pytest.mark.parametrize("tied", [True, False])
def test_it_is_the_published_network(tied):
    model, tokens = stirred(tied=tied), text()
    with torch.no_grad():
        torch.testing.assert_close(asked(model, tokens), written_out(model, tokens), atol=1e-4, rtol=1e-4)


def test_no_place_sees_what_comes_after_it():
    model, tokens = stirred(), text()
    changed = tokens.clone()
    changed[:, 7:] = 10
    with torch.no_grad():
        before, after = asked(model, tokens), asked(model, changed)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


def test_what_it_says_of_a_text_hangs_on_no_padding_and_no_other_text():
    model, tokens = stirred(), text()
    padded = F.pad(tokens[:, :5], (0, 7))
    with torch.no_grad():
        torch.testing.assert_close(asked(model, padded)[:, :5], asked(model, tokens)[:, :5])
        torch.testing.assert_close(asked(model, tokens[1:2]), asked(model, tokens)[1:2])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("steps", [[1] * 12, [5, 1, 1, 3, 2], [12]], ids=str)
def test_read_on_in_steps_it_says_what_it_says_at_once(steps, rows, tied):
    model, tokens = stirred(tied=tied), text(rows)
    with torch.no_grad():
        expected = asked(model, tokens)
    reading, at = model.reading(), 0
    for new in tokens.split(steps, dim=1):
        at += new.shape[1]
        torch.testing.assert_close(reading(new), expected[:, at - 1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rows", [1, 3])
def test_beyond_its_context_it_reads_the_last_half_again(rows):
    model, tokens = stirred(), text(rows, length=40)
    reading, seen = model.reading(), 0
    for at in range(40):
        said = reading(tokens[:, at : at + 1])
        seen = seen + 1 if seen < 12 else 6
        with torch.no_grad():
            torch.testing.assert_close(
                said, asked(model, tokens[:, at + 1 - seen : at + 1])[:, -1], atol=1e-5, rtol=1e-4
            )
    long = model.reading()(tokens)
    with torch.no_grad():
        torch.testing.assert_close(long, asked(model, tokens[:, -6:])[:, -1], atol=1e-5, rtol=1e-4)


def test_with_adapters_it_is_read_on_with_them():
    model, tokens = stirred(), text(rows=1)
    adapt(model, model.parts()[1:2], 2, 0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("rank_up"):
                parameter.add_(0.3)
        expected = asked(model, tokens)[:, -1]
    reading = model.reading()
    torch.testing.assert_close([reading(token) for token in tokens.split(1, dim=1)][-1], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rows", [1, 2])
def test_greedy_with_the_cache_is_greedy_without(rows):
    model, prompt = stirred(context=40), text(rows, length=4)
    quick = torch.stack(list(written(model.reading(), prompt, 30, likeliest)), dim=1)
    tokens = prompt
    for _ in range(30):
        with torch.no_grad():
            tokens = torch.cat([tokens, asked(model, tokens)[:, -1].argmax(1, keepdim=True)], dim=1)
    assert torch.equal(quick, tokens[:, 4:])
    assert isinstance(model, Writer)


def test_from_the_same_seed_it_writes_the_same():
    model, prompt = stirred(), text(rows=1, length=3)
    said = [torch.cat(list(written(model.reading(), prompt, 20, Sampling(seed=seed)))).tolist() for seed in (3, 3, 4)]
    assert said[0] == said[1] != said[2]


def test_a_text_can_be_learned_by_heart():
    model, tokens = gpt(), text(rows=2)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for _ in range(150):
        loss = F.cross_entropy(asked(model, tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.4  # both begin otherwise: nobody can know the first tokens apart
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_it_begins_knowing_nothing_with_weights_that_follow_from_the_seed():
    model, again = gpt(depth=8), gpt(depth=8)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    with torch.no_grad():
        loss = F.cross_entropy(asked(model, text())[:, :-1].flatten(0, 1), text()[:, 1:].flatten())
    assert loss == pytest.approx(torch.tensor(11.0).log().item(), abs=0.05)
    assert float(model.blocks[0].narrow.weight.detach().std()) == pytest.approx(0.02 / 4, rel=0.1)
    assert float(model.blocks[0].widen.weight.detach().std()) == pytest.approx(0.02, rel=0.1)


def test_its_spec_builds_it_again_and_its_weights_fit():
    model = stirred(dropout=0.1, tied=False)
    written_down = json.loads(json.dumps(names.spec(model), allow_nan=False))
    again = names.build("model", written_down)
    assert names.spec(again) == written_down
    again.load_state_dict(safetensors.torch.load(safetensors.torch.save(model.state_dict())))
    with torch.no_grad():
        assert torch.equal(asked(again.eval(), text()), asked(model, text()))


def test_dropout_is_silent_in_an_exam():
    model = stirred(dropout=0.5)
    with torch.no_grad():
        assert torch.equal(asked(model, text()), asked(model, text()))
        noisy = copy.deepcopy(model).train()
        assert not torch.equal(asked(noisy, text()), asked(noisy, text()))


def test_tied_it_has_one_table_for_reading_and_writing():
    assert sum(p.numel() for p in gpt(tied=False).parameters()) - sum(p.numel() for p in gpt().parameters()) == 11 * 16


def test_what_cannot_be_is_refused():
    with pytest.raises(ShapeError, match="reads 11 and should write 5"):
        GPT(TOKENS, 5)
    with pytest.raises(ShapeError, match="at most 12 tokens at once, but came 13"):
        asked(gpt(), text(length=13))
    with pytest.raises(FrameError, match="cannot be parted into 3 heads"):
        gpt(heads=3)
    with pytest.raises(ShapeError, match="GPT reads text, but the input is"):
        GPT((6,), 11)
