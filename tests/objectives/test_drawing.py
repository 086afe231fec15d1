"""Objectives of drawing against torch.distributions, and against the formulas of their papers written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from toys import pictures

from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Coder
from mapsto.layers.pixels import bytes_of, scaled
from mapsto.models import GAN, VAE, Autoencoder, MeanPicture
from mapsto.objectives import Adversarial, Reconstruction, Variational

SHAPE = (1, 8, 8)
LOSSES = ("non-saturating", "hinge", "wasserstein")


def vae(inputs=(3,)):
    torch.manual_seed(0)
    return VAE(inputs, SHAPE, latent=4, width=8).eval()


class Recorded(nn.Module):
    """A VAE that remembers the codes it was asked about, and what it said."""

    latent = 4

    def __init__(self):
        super().__init__()
        self.inner = vae()

    def posterior(self, picture, input):
        self.picture = picture
        self.told = self.inner.posterior(picture, input)
        return self.told

    def logits(self, code, input):
        self.asked = code
        self.said = self.inner.logits(code, input)
        return self.said

    def drawn(self, code, input):
        return self.inner.drawn(code, input)


# -- the variational bound -----------------------------------------------------------------------------------------------


def test_the_terms_of_the_bound_are_those_of_torch_distributions():
    model, batch = Recorded().eval(), pictures()
    terms = Variational().losses(model, batch, "")
    mean, log_variance = model.told
    posterior = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(terms["divergence"], kl_divergence(posterior, prior))
    binary = (model.picture + 1) / 2
    likely = Independent(Bernoulli(logits=model.said), 3).log_prob(binary)
    torch.testing.assert_close(terms["surprise"], -likely)
    torch.testing.assert_close(Variational(beta=4.0).losses(model, batch, "")["divergence"], 4 * terms["divergence"])
    torch.testing.assert_close(Variational(beta=4.0).told(model, batch), terms["surprise"] + terms["divergence"])


def test_grey_pixels_are_normal_ones():
    model, batch = Recorded().eval(), pictures()
    terms = Variational(pixels="grey", spread=0.2).losses(model, batch, "")
    expected = Independent(Normal(model.said.sigmoid(), 0.2), 3).log_prob(batch["target"] / 255)
    torch.testing.assert_close(terms["surprise"], -expected)


def test_pixels_are_white_as_often_as_they_are_bright():
    model, batch = Recorded().eval(), pictures(rows=4000)
    Variational().losses(model, batch, "")
    assert set(model.picture.unique().tolist()) == {-1.0, 1.0}
    bright, white = (some.double().mean((0, 1)) for some in (batch["target"] / 255, (model.picture + 1) / 2))
    assert torch.allclose(white, bright, atol=0.04)
    codes = ((model.asked - model.told[0]) / (model.told[1] / 2).exp()).detach()
    assert float(codes.mean()) == pytest.approx(0, abs=0.03) and float(codes.std()) == pytest.approx(1, abs=0.03)


def test_no_bound_is_below_what_is_true():
    """Of a model whose codes say nothing it is −log p itself: each pixel by its own share."""
    batch = pictures(rows=500)
    model = MeanPicture((3,), SHAPE)
    model.solve(batch, "generation", 0)
    share = batch["target"].double().mean(0) / 255
    expected = -(share * share.log() + (1 - share) * (1 - share).log()).sum()
    assert float(Variational().told(model, batch).mean()) == pytest.approx(float(expected), rel=0.02)


@pytest.mark.parametrize("objective", [Variational(), Adversarial(), Reconstruction()])
def test_training_draws_anew_and_an_exam_asks_alike(objective):
    model = {Variational: VAE, Adversarial: GAN, Reconstruction: Autoencoder}[type(objective)](
        (3,), SHAPE, width=8, latent=4
    )
    batch = pictures()
    for player in objective.players:
        asked = [sum(objective.losses(model.eval(), batch, player).values()) for _ in range(2)]
        trained = [sum(objective.losses(model.train(), batch, player).values()) for _ in range(2)]
        assert torch.equal(*asked)
        assert isinstance(objective, Reconstruction) or not torch.equal(*trained)


def test_what_is_drawn_hangs_on_its_own_number_alone():
    model, batch = vae(), pictures()
    drawn = Variational().predict(model, batch)
    later = Variational().predict(model, {"input": batch["input"][5:7], "index": torch.tensor([5, 6])})
    torch.testing.assert_close(later, drawn[5:7])
    others = Variational().predict(model, {"input": batch["input"][5:7], "index": torch.tensor([7, 6])})
    assert not torch.allclose(others[0], drawn[5]) and drawn.min() >= 0 and drawn.max() <= 255


# -- the game ------------------------------------------------------------------------------------------------------------


def test_the_losses_of_the_game_are_those_of_its_papers():
    real, drawn = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    yes, no = torch.ones(50), torch.zeros(50)
    cross = torch.nn.BCEWithLogitsLoss(reduction="none")
    expected = {
        "non-saturating": (cross(real, yes) + cross(drawn, no), cross(drawn, yes)),
        "hinge": ((1 - real).clamp(min=0) + (1 + drawn).clamp(min=0), -drawn),
        "wasserstein": (drawn - real, -drawn),
    }
    for loss, (telling, passing) in expected.items():
        torch.testing.assert_close(Adversarial(loss).telling(real, drawn), telling)
        torch.testing.assert_close(Adversarial(loss).passing(drawn), passing)


class Linear(nn.Module):
    """A critic whose slope is known: the same weights everywhere."""

    latent = 4

    class Critic(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.linspace(-1, 1, 64))

        def forward(self, picture, input):
            return picture.flatten(1) @ self.weight

    def __init__(self):
        super().__init__()
        self.critic = self.Critic()
        self.generator = GAN((3,), SHAPE, latent=4, width=8, convolutions=1, maps=4).generator


@pytest.mark.parametrize(("loss", "weight"), [("wasserstein", 10.0), ("hinge", 3.0), ("non-saturating", 3.0)])
def test_the_penalty_is_that_of_a_slope_that_is_known(loss, weight):
    model, batch = Linear().train(), pictures()
    norm = model.critic.weight.norm().detach()
    expected = 10 * (norm - 1) ** 2 if loss == "wasserstein" else 3 * norm**2 / 2
    objective = Adversarial(loss) if loss == "wasserstein" else Adversarial(loss, penalty=weight)
    found = objective.losses(model, batch, "critic")["penalty"]
    torch.testing.assert_close(found, expected.expand(24))
    (slope,) = torch.autograd.grad(found.mean(), model.critic.weight)
    assert slope.abs().sum() > 0
    with torch.inference_mode():
        assert "penalty" not in objective.losses(model, batch, "critic"), "an exam has no slopes"


@pytest.mark.parametrize("loss", LOSSES)
def test_each_player_moves_its_own_weights_and_every_one_of_them(loss):
    model, batch = GAN((3,), SHAPE, latent=4, width=8, convolutions=1, maps=4), pictures()
    for player in ("critic", "generator"):
        model.zero_grad()
        total = sum(term.mean() for term in Adversarial(loss).losses(model, batch, player).values())
        total.backward(inputs=list(model.get_submodule(player).parameters()))
        for name, parameter in model.named_parameters():
            assert (parameter.grad is not None) == name.startswith(player), name


def test_who_is_ahead_costs_the_other():
    """A critic that is right loses nothing, and a generator that it sees through does."""
    objective, sure = Adversarial(), torch.full((3,), 20.0)
    assert objective.telling(sure, -sure).max() < 1e-6 and objective.passing(-sure).min() > 19


# -- reconstruction, and what is none of these -----------------------------------------------------------------------------


def test_a_picture_that_comes_back_costs_nothing():
    class Perfect(nn.Module):
        latent = 64

        def code(self, picture, input):
            return picture.flatten(1)

        def drawn(self, code, input):
            return code.view(-1, *SHAPE)

    batch = pictures()
    assert isinstance(Perfect(), Coder)
    assert not Reconstruction().told(Perfect(), batch).any()
    batch["target"][0] = 0
    half = Reconstruction().told(MeanPictureOf(0.5), batch)
    assert half[0] == 1, "black is 1 from grey"


class MeanPictureOf(MeanPicture):
    def __init__(self, grey):
        super().__init__((3,), SHAPE)
        self.answer.fill_(grey)


def test_bytes_and_what_networks_see_are_the_same():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert scaled(every).min() == -1 and scaled(every).max() == 1
    torch.testing.assert_close(bytes_of(scaled(every)), every.float())
    assert bytes_of(torch.tensor([[[[-3.0, 3.0]]]])).flatten().tolist() == [0, 255]


@pytest.mark.parametrize(
    ("objective", "model", "words"),
    [
        (Variational(), Autoencoder, "how codes of a picture are distributed, but Autoencoder"),
        (Reconstruction(), GAN, "reads pictures as codes and draws from them, but GAN"),
        (Adversarial(), VAE, "a game of a critic and a generator, but VAE"),
    ],
)
def test_a_model_that_is_for_another_objective_is_refused(objective, model, words):
    with pytest.raises(ShapeError, match=words):
        objective.predict(model((3,), SHAPE, width=8), pictures())


def test_settings_that_are_none_are_refused():
    with pytest.raises(FrameError, match="spread and beta are numbers above 0"):
        Variational(spread=0.0)
    with pytest.raises(FrameError, match="a penalty is a number of 0 or more"):
        Adversarial(penalty=-1.0)


def test_the_bound_is_for_less_than_chance():
    """After some steps a VAE says more of pictures than that each pixel is either."""
    model, batch = vae().train(), pictures()
    batch["target"][:, :, :4] = 0
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        sum(Variational().losses(model, batch, "").values()).mean().backward()
        optimizer.step()
    assert float(Variational().told(model.eval(), batch).detach().mean()) < 0.9 * 64 * float(
        F.softplus(torch.zeros(()))
    )


@pytest.mark.parametrize(("loss", "weight"), [("non-saturating", 1), ("hinge", 1), ("wasserstein", 10)])
def test_a_critic_s_slope_has_its_price_unless_it_is_said_to_have_none(loss, weight):
    assert Adversarial(loss)._weight == weight and Adversarial(loss, penalty=0.0)._weight == 0
