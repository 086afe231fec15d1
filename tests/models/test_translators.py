"""Models that read one sequence and say another: at once or step by step the same, whatever the padding."""

import pytest
import torch
from torch import nn

from mapsto.core.errors import FrameError, ShapeError
from mapsto.domains.tokenizer import START
from mapsto.models import Seq2Seq, Transformer
from mapsto.objectives.translation import Translator

SHAPE, SAID = {"tokens": [30]}, 20
MAKERS = {
    "gru": lambda: Seq2Seq(SHAPE, SAID, "gru", 12, 2, 8, "none"),
    "gru, attention": lambda: Seq2Seq(SHAPE, SAID, "gru", 12, 1, 8, "additive"),
    "lstm": lambda: Seq2Seq(SHAPE, SAID, "lstm", 12, 1, 8, "none"),
    "lstm, attention": lambda: Seq2Seq(SHAPE, SAID, "lstm", 12, 2, 8, "additive"),
    "transformer": lambda: Transformer(SHAPE, SAID, 12, 3, 2),
    "transformer, norm after": lambda: Transformer(SHAPE, SAID, 12, 3, 2, norms="after", tied=False),
}
EVERY = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def read(lengths=(0, 1, 4, 7), pad_to=7, seed=0):
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randint(6, 30, (len(lengths), pad_to), generator=g)
    for row, length in enumerate(lengths):
        tokens[row, length:] = 0
    return {"tokens": tokens, "count": torch.tensor(lengths)}


def said(rows=4, length=6, seed=1):
    tokens = torch.randint(6, SAID, (rows, length), generator=torch.Generator().manual_seed(seed))
    tokens[:, 0] = START
    return tokens


def made(make):
    torch.manual_seed(0)
    return make().eval()


@EVERY
@torch.no_grad()
def test_step_by_step_it_says_what_it_says_at_once(make):
    model, tokens = made(make), said()
    assert isinstance(model, Translator)
    memory = model.encode(read())
    whole = model.decode(memory, tokens)
    assert whole.shape == (4, 6, SAID)
    state = model.begin(memory)
    for place in range(6):
        logits, state = model.step(tokens[:, place], state)
        torch.testing.assert_close(logits, whole[:, place], rtol=1e-4, atol=1e-5)


@EVERY
@torch.no_grad()
def test_it_goes_on_with_the_answers_that_are_chosen(make):
    model, tokens = made(make), said()
    memory = model.encode(read())
    state = model.begin(memory)
    rows = torch.tensor([3, 3, 1])
    for place in range(3):
        _, state = model.step(tokens[:, place], state)
    state.select(rows)
    logits, _ = model.step(tokens[rows, 3], state)
    torch.testing.assert_close(logits, model.decode(memory, tokens)[rows, 3], rtol=1e-4, atol=1e-5)


@EVERY
@torch.no_grad()
def test_padding_says_nothing_on_either_side(make):
    model, tokens = made(make), said()
    near = model(read(), tokens)
    further = {**read(), "tokens": torch.cat([read()["tokens"], torch.zeros(4, 9, dtype=torch.long)], dim=1)}
    far = model(further, torch.cat([tokens, torch.zeros(4, 5, dtype=torch.long)], dim=1))
    torch.testing.assert_close(far[:, :6], near, rtol=1e-4, atol=1e-5)
    assert near.isfinite().all() and not torch.allclose(near[1], near[2])


@EVERY
@torch.no_grad()
def test_what_comes_after_a_token_hangs_on_the_tokens_before_it_alone(make):
    model, tokens = made(make), said()
    other = tokens.clone()
    other[:, 4:] = said(seed=2)[:, 4:]
    one, two = model(read(), tokens), model(read(), other)
    torch.testing.assert_close(one[:, :4], two[:, :4])
    assert not torch.allclose(one[:, 4], two[:, 4])


@EVERY
@torch.no_grad()
def test_without_tokens_it_gives_the_first(make):
    model = made(make)
    torch.testing.assert_close(model(read()), model(read(), said())[:, 0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_transformer_is_what_pytorch_s_own_layers_give():
    torch.manual_seed(0)
    model = Transformer(SHAPE, SAID, 12, 3, 2, norms="before").eval()
    theirs = {"d_model": 12, "nhead": 3, "dim_feedforward": 48, "dropout": 0.0, "activation": "gelu"}
    encoder, decoder = [], []
    for block in model.encoder:
        layer = nn.TransformerEncoderLayer(**theirs, batch_first=True, norm_first=True)
        put(block.attention, layer.self_attn)
        copy(layer, linear1=block.widen, linear2=block.narrow, norm1=block.norm, norm2=block.last_norm)
        encoder.append(layer.eval())
    for block in model.decoder:
        layer = nn.TransformerDecoderLayer(**theirs, batch_first=True, norm_first=True)
        put(block.attention, layer.self_attn)
        put(block.cross, layer.multihead_attn)
        copy(layer, linear1=block.widen, linear2=block.narrow)
        copy(layer, norm1=block.norm, norm2=block.cross_norm, norm3=block.last_norm)
        decoder.append(layer.eval())
    asked, tokens = read((1, 4, 7, 7)), said()
    hidden = torch.arange(7) >= asked["count"][:, None]
    x = model._placed(model.heard(asked["tokens"]))
    for layer in encoder:
        x = layer(x, src_key_padding_mask=hidden)
    memory, y = model.read_norm(x), model._placed(model.said(tokens))
    ahead = torch.ones(6, 6, dtype=torch.bool).triu(1)
    for layer in decoder:
        y = layer(y, memory, tgt_mask=ahead, memory_key_padding_mask=hidden)
    expected = model.said_norm(y) @ model.said.weight.T
    torch.testing.assert_close(model(asked, tokens), expected, rtol=1e-4, atol=1e-5)


def put(mine, theirs):
    parts = [mine.project, mine.context] if mine.cross else [mine.project]
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(mine.join.state_dict())


def copy(layer, **parts):
    for name, part in parts.items():
        getattr(layer, name).load_state_dict(part.state_dict())


def test_what_is_no_text_is_refused():
    for kind in (Seq2Seq, Transformer):
        with pytest.raises(ShapeError, match="reads text"):
            kind((3, 8, 8), 9)


def test_impossible_sizes_are_refused():
    with pytest.raises(FrameError, match="gru or lstm"):
        Seq2Seq(SHAPE, 9, cell="rnn")
    with pytest.raises(FrameError, match="at least 1"):
        Transformer(SHAPE, 9, depth=0)
    with pytest.raises(FrameError, match="heads"):
        Transformer(SHAPE, 9, width=10, heads=3)
