"""What models that draw promise: of what is given they draw pictures, and a code leads back to one."""

import json
import re

import pytest
import safetensors.torch
import torch
from toys import TOKENS

from mapsto.core import names
from mapsto.core.batch import over
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Coder, Solvable
from mapsto.layers.coders import PictureDrawer, PictureReader, halved
from mapsto.learner.learner import initialised

MODELS = ("autoencoder", "vae", "gan", "mean-picture")
GIVEN = {"nothing": (0,), "category": (3,), "text": TOKENS}
SHAPES = [(1, 8, 8), (3, 9, 14)]
EACH = pytest.mark.parametrize(
    ("name", "given", "shape"), [(name, given, shape) for name in MODELS for given in GIVEN for shape in SHAPES]
)


def small(name, given="category", shape=(1, 8, 8), **more):
    settings = {} if name == "mean-picture" else {"latent": 4, "width": 8, **more}
    ends = {"inputs": GIVEN[given], "outputs": shape}
    return initialised(lambda: names.build("model", {"name": name, **ends, **settings}), 0)


def asked(given, rows=5):
    g = torch.Generator().manual_seed(rows)
    if given == "text":
        count = torch.randint(1, 8, (rows,), generator=g)
        tokens = torch.randint(6, 11, (rows, 8), generator=g)
        return {"tokens": tokens.masked_fill(torch.arange(8) >= count[:, None], 0), "count": count}
    return torch.full((rows,), -1) if given == "nothing" else torch.randint(0, 3, (rows,), generator=g)


def pictures(shape, rows=5):
    return 2 * torch.rand(rows, *shape, generator=torch.Generator().manual_seed(1)) - 1


@EACH
def test_of_what_is_given_it_draws_pictures(name, given, shape):
    model = small(name, given, shape)
    for mode in (True, False):
        drawn = model.train(mode)(asked(given))
        assert drawn.shape == (5, *shape) and drawn.dtype == torch.float32
        assert drawn.min() >= -1 and drawn.max() <= 1
    assert model(asked(given, 1)).isfinite().all(), "the last batch of an epoch may hold one example"


@EACH
def test_its_arguments_build_it_again_and_its_weights_say_the_same(name, given, shape):
    model = small(name, given, shape)
    written = json.loads(json.dumps(names.spec(model), allow_nan=False))
    again = names.build("model", written)
    assert names.spec(again) == written and written["outputs"] == list(shape)
    state = safetensors.torch.load(safetensors.torch.save(model.state_dict()))
    again.load_state_dict(state)
    for one in (model.eval(), again.eval()):
        torch.manual_seed(3)
        one.said = one(asked(given))
    assert torch.equal(model.said, again.said)


@pytest.mark.parametrize("name", MODELS)
def test_its_docstring_states_shapes(name):
    words = " ".join((names.find("model", name).__doc__ or "").split())
    assert re.search(r"\[B, …\] → \[B, C, H, W\]", words)
    assert names.summary("model", name)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "gan"])
@pytest.mark.parametrize("given", GIVEN)
def test_codes_and_what_is_drawn_of_them_do_not_hang_on_neighbours(name, given):
    model, shape = small(name, given).eval(), (1, 8, 8)
    assert isinstance(model, Coder)
    input, seen = asked(given), pictures(shape)
    code = model.code(seen, input)
    drawn = model.drawn(code, input)
    assert code.shape == (5, model.latent) and drawn.shape == seen.shape
    alone = over({"input": input}, lambda t: t[2:3])["input"]
    torch.testing.assert_close(model.code(seen[2:3], alone), code[2:3])
    torch.testing.assert_close(model.drawn(code[2:3], alone), drawn[2:3])


@pytest.mark.parametrize("given", ["category", "text"])
@pytest.mark.parametrize("name", ["autoencoder", "vae", "gan"])
def test_what_is_given_matters(name, given):
    model = small(name, given).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(7)))
    one, other = asked(given, 4), asked(given, 3)
    other = over({"input": other}, lambda t: torch.cat([t, t[:1]]))["input"]
    code = torch.ones(4, 4)
    draw = model.generator if name == "gan" else model.drawn
    assert not torch.allclose(draw(code, one), draw(code, other))
    if name == "gan":
        seen = pictures((1, 8, 8), 4)
        assert not torch.allclose(model.critic(seen, one), model.critic(seen, other))


def test_codes_of_an_autoencoder_are_standardised():
    model = small("autoencoder").train()
    code = model.code(pictures((1, 8, 8), 64), torch.zeros(64, dtype=torch.long))
    torch.testing.assert_close(code.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(code.std(0, unbiased=False), torch.ones(4), atol=1e-2, rtol=0)


def test_what_a_vae_draws_is_the_share_of_white():
    model, input = small("vae").eval(), torch.zeros(2, dtype=torch.long)
    code = torch.randn(2, 4)
    torch.testing.assert_close(model.drawn(code, input), 2 * model.logits(code, input).sigmoid() - 1)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 7, 10), (2, 15, 8)])
@pytest.mark.parametrize("convolutions", [0, 1, 2])
def test_pictures_of_any_size_are_read_and_drawn(shape, convolutions):
    reader, drawer = PictureReader(shape, 6, convolutions, 3), PictureDrawer(shape, 6, convolutions, 3, "batch")
    vector = reader(pictures(shape))
    assert vector.shape == (5, 6) and drawer(vector).shape == (5, *shape)
    assert halved((1, 7, 10), 2) == [(7, 10), (3, 5), (1, 2)]


def test_the_mean_picture_is_the_mean_and_weights_count():
    model = small("mean-picture")
    assert isinstance(model, Solvable)
    seen = torch.randint(0, 256, (2500, 1, 8, 8), generator=torch.Generator().manual_seed(2)).byte()
    model.solve({"target": seen}, "generation", 0)
    torch.testing.assert_close(model.answer, seen.float().mean(0) / 255)
    weight = torch.zeros(2500)
    weight[7] = 1
    model.solve({"target": seen, "weight": weight}, "generation", 0)
    torch.testing.assert_close(model(torch.zeros(1, dtype=torch.long))[0], seen[7] / 127.5 - 1)


@pytest.mark.parametrize("name", ["autoencoder", "vae", "gan"])
def test_what_cannot_be_is_refused(name):
    cls = names.find("model", name)
    with pytest.raises(ShapeError, match=r"draws pictures \(C, H, W\), but what is to be given is of shape \(10,\)"):
        cls((3,), (10,))
    with pytest.raises(ShapeError, match="cannot halve pictures of 4×8 pixels 3 times"):
        cls((3,), (1, 4, 8), convolutions=3)
    with pytest.raises(FrameError, match=r"latent and width of at least 1, but came \[0, 0\]"):
        cls((3,), (1, 8, 8), latent=0, width=0)
    with pytest.raises(ShapeError, match="a category, of a text or of nothing"):
        cls((3, 4), (1, 8, 8))
