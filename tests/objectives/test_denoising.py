"""Denoising: the loss is its formula, exams draw nothing, and who knows the noise draws the picture."""

import pytest
import torch
from torch import nn

from mapsto.core import seeds
from mapsto.core.errors import FrameError, ShapeError
from mapsto.layers.diffusion import kept
from mapsto.layers.given import says
from mapsto.models import UNet
from mapsto.objectives import Denoising

SHAPE = (1, 4, 4)


def pictures(rows, seed=0):
    g = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 256, (rows, *SHAPE), dtype=torch.uint8, generator=g)
    return {"input": torch.arange(rows) % 3, "target": target, "index": torch.arange(rows)}


class Knows(nn.Module):
    """Of each category the one picture that there is; unasked, it takes all for grey. `heard`: what it was asked."""

    outputs = SHAPE

    def __init__(self, steps):
        super().__init__()
        self.kept, self.heard = kept("cosine", steps), []
        self.pictures = (pictures(3)["target"].double() / 255 * 2 - 1).float()

    def velocity(self, noised, time, input):
        self.heard.append((len(noised), float(time[0]), says(input).tolist()))
        share = self.kept[(time * (len(self.kept) - 1)).round().long()].float()[:, None, None, None]
        picture = torch.where(says(input)[:, None, None, None], self.pictures[input.clamp(min=0)], 0.0)
        noise = (noised - share**0.5 * picture) / (1 - share) ** 0.5
        return share**0.5 * noise - (1 - share) ** 0.5 * picture


class Silent(nn.Module):
    outputs = SHAPE

    def velocity(self, noised, time, input):
        self.noised, self.time = noised, time
        return torch.zeros_like(noised)


def test_the_loss_is_its_formula():
    objective, asked, model = Denoising(steps=50), pictures(6), Silent()
    seeds.set_all(3)
    loss = objective.losses(model.train(), asked, "")["denoising"]
    seeds.set_all(3)
    t, noise = 1 + (torch.rand(6) * 50).long(), torch.randn(6, *SHAPE)
    share, x = kept("cosine", 50)[t].float()[:, None, None, None], asked["target"].float() / 127.5 - 1
    torch.testing.assert_close(model.time, t / 50)
    torch.testing.assert_close(model.noised, share.sqrt() * x + (1 - share).sqrt() * noise)
    velocity = share.sqrt() * noise - (1 - share).sqrt() * x
    torch.testing.assert_close(loss, (velocity**2).mean((1, 2, 3)))
    assert not torch.equal(loss, objective.losses(model, asked, "")["denoising"]), "noise is drawn anew"


def test_in_an_exam_time_and_noise_follow_from_the_picture():
    objective, asked, model = Denoising(steps=50), pictures(200), Silent().eval()
    first = objective.told(model, asked)
    times = model.time
    assert torch.equal(objective.losses(model, asked, "")["denoising"], first)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    shuffled = {"input": asked["input"][order], "target": asked["target"][order]}
    torch.testing.assert_close(objective.told(model, shuffled), first[order])
    assert times.min() > 0 and times.max() <= 1
    assert times.unique().numel() > 40 and abs(times.mean() - 0.5) < 0.07


@pytest.mark.parametrize(("strides", "eta", "guidance"), [(1, 0, 0), (7, 0, 0), (50, 1, 0), (7, 0.5, 0)])
def test_who_knows_the_noise_draws_the_picture(strides, eta, guidance):
    objective = Denoising(steps=50, strides=strides, eta=eta, guidance=guidance)
    model = Knows(50)
    drawn = objective.predict(model, {"input": torch.tensor([2, 0, 1, 0])})
    assert drawn.dtype == torch.float32 and drawn.shape == (4, *SHAPE)
    true = pictures(3)["target"].float()
    torch.testing.assert_close(drawn, true[[2, 0, 1, 0]], rtol=0, atol=0.2)
    assert [t for _, t, _ in model.heard] == sorted({t for _, t, _ in model.heard}, reverse=True)
    assert len(model.heard) == strides


def test_without_guidance_only_what_is_wanted_is_asked_and_with_it_both():
    asked = {"input": torch.tensor([1, 2])}
    for guidance, heard in ((0.0, (2, [True] * 2)), (0.5, (4, [True] * 2 + [False] * 2))):
        model = Knows(50)
        Denoising(steps=50, strides=2, guidance=guidance).predict(model, asked)
        assert {(rows, tuple(said)) for rows, _, said in model.heard} == {(heard[0], tuple(heard[1]))}
    model = Knows(50)
    grey = Denoising(steps=50, strides=3, guidance=0.5).predict(model, {"input": torch.tensor([-1, -1])})
    assert {rows for rows, _, _ in model.heard} == {2}, "where nothing is given, there is nothing to be told apart"
    away = Denoising(steps=50, strides=3, guidance=-1.0).predict(Knows(50), asked)
    torch.testing.assert_close(grey, torch.full_like(grey, 127.5), rtol=0, atol=0.2)
    torch.testing.assert_close(away, grey, rtol=0, atol=0.2)


def unet(inputs=(3,)):
    seeds.set_all(0)
    model = UNet(inputs, SHAPE, width=8, halvings=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_row_draws_the_same_picture_again_and_another_row_another(eta):
    objective, model, asked = Denoising(steps=20, strides=4, eta=eta), unet(), pictures(5)
    asked["input"] = torch.full((5,), 1)
    drawn = objective.predict(model, asked)
    assert torch.equal(drawn, objective.predict(model, asked))
    assert drawn.min() >= 0 and drawn.max() <= 255
    alone = objective.predict(model, {name: part[3:4] for name, part in asked.items()})
    torch.testing.assert_close(alone, drawn[3:4], rtol=0, atol=0.05)
    assert (drawn[0] - drawn[1]).abs().max() > 1


def test_the_course_of_a_drawing_ends_with_it():
    objective, model, asked = Denoising(steps=20, strides=4), unet(), pictures(3)
    course = list(objective.course(model, asked))
    assert len(course) == 4
    assert torch.equal(course[-1], objective.predict(model, asked))
    assert not torch.equal(course[0], course[-1])


def test_what_was_asked_for_is_drawn():
    """Pictures of category 0 are dark, of 1 bright, a little uneven: a small network soon learns to draw either."""
    seeds.set_all(0)
    model, objective = UNet((2,), (1, 4, 4), width=8, halvings=0, drop=0.2), Denoising(strides=10)
    optimizer = torch.optim.Adam(model.parameters(), 2e-2)
    given = torch.arange(64) % 2
    for _ in range(60):
        target = (55 + 145 * given[:, None, None, None] + 20 * torch.randn(64, 1, 4, 4)).clamp(0, 255).to(torch.uint8)
        optimizer.zero_grad()
        objective.losses(model.train(), {"input": given, "target": target}, "")["denoising"].mean().backward()
        optimizer.step()
    with torch.inference_mode():
        drawn = objective.predict(model.eval(), {"input": given, "index": torch.arange(64)}).mean((1, 2, 3))
    assert abs(drawn[given == 0].mean() - 55) < 40 and abs(drawn[given == 1].mean() - 200) < 40
    assert ((drawn > 127) == (given == 1)).double().mean() > 0.95


def test_a_model_that_says_something_else_is_refused():
    with pytest.raises(ShapeError, match="u-net"):
        Denoising().losses(nn.Linear(2, 2), pictures(2), "")


@pytest.mark.parametrize(
    "settings", [{"steps": 1}, {"strides": 0}, {"strides": 11, "steps": 10}, {"eta": 1.5}, {"guidance": float("nan")}]
)
def test_settings_that_are_none_are_refused(settings):
    with pytest.raises(FrameError):
        Denoising(**settings)


def test_its_measure_is_the_mean_error():
    (measure,) = Denoising().measures(None).values()
    measure.update(torch.tensor([0.1, 0.3]), pictures(2)["target"])
    measure.update(torch.tensor([0.2]), pictures(1)["target"])
    assert measure.total() == pytest.approx(0.2)
    with pytest.raises(ShapeError, match="one number an example"):
        measure.update(torch.zeros(2, *SHAPE), pictures(2)["target"])
