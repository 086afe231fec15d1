"""Denoising: told how a picture looks under noise, say what of it is noise; who can do that can draw, from noise alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from mapsto.core import hashed
from mapsto.core.batch import Batch, Field, Losses
from mapsto.core.errors import FrameError, ShapeError
from mapsto.core.nouns import Domain, Measure, Objective
from mapsto.layers.diffusion import denoised, guided, kept, noised, stops, velocity
from mapsto.layers.given import says, unsaid
from mapsto.layers.pixels import bytes_of, scaled
from mapsto.measures.average import Average
from mapsto.objectives.drawing import normal, uniform

TIME, NOISE = 1, 2  # what random numbers are for


@runtime_checkable
class Denoiser(Protocol):
    """A model that says what of a picture is noise; `models/unet.py` is one."""

    outputs: tuple[int, ...]  # (C, H, W)

    def velocity(self, noised: Tensor, time: Tensor, input: Field) -> Tensor: ...


@dataclass
class Denoising(Objective):
    """‖v − v̂(√ᾱₜ x₀ + √(1 − ᾱₜ) ε, t, c)‖², a pixel's mean, at a step t of 1 … T and under noise ε that are drawn anew each time
    (Ho, Jain and Abbeel 2020, arXiv:2006.11239, eq. 14, with the velocity in the place of ε; c is what is given).

    The velocity vₜ = √ᾱₜ ε − √(1 − ᾱₜ) x₀ is asked for, and not ε: where nearly all is noise, ε is read off from xₜ, and the
    picture that follows from it by a division by √ᾱₜ might be anything; drawing in few steps begins just there (Salimans and Ho
    2022, arXiv:2202.00512, §4). Its squared error is that of ε and that of x₀ together.

    steps: T. noising: how ᾱ falls; see layers/diffusion.py. strides: in how many a picture is drawn, by DDIM where eta is 0, by
    DDPM where it is 1 and strides are steps. guidance: w, how far away from what would be drawn unasked; 0 asks the model once a
    stride, all else twice.

    In an exam, and where pictures are drawn, times and noise follow from the picture, or from the number of the row.
    """

    steps: int = 1000
    noising: Literal["cosine", "linear"] = "cosine"
    strides: int = 25
    eta: float = 0.0
    guidance: float = 0.5

    problem = "generation"
    looks_at = 2_000
    large = "a picture is drawn in many steps"

    def __post_init__(self) -> None:
        if self.steps < 2 or not 1 <= self.strides <= self.steps:
            raise FrameError(
                f"Denoising needs 2 steps or more and from 1 to so many strides, but came {self.steps} and {self.strides}."
            )
        if not 0 <= self.eta <= 1 or not -1 <= self.guidance < float("inf"):
            raise FrameError(
                f"eta is a share in [0, 1] and guidance a number from −1 on, but came {self.eta} and {self.guidance}."
            )
        self._kept = kept(self.noising, self.steps).float()

    def losses(self, model: nn.Module, batch: Batch, player: str) -> Losses:
        return {"denoising": self._errors(model, batch)}

    def told(self, model: nn.Module, batch: Batch) -> Tensor:
        """[B]: the error on each picture, at a time and under noise that follow from it."""
        return self._errors(model, batch)

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Pictures [B, C, H, W], 0 … 255; of the same row always the same."""
        *_, last = self.course(model, batch)
        return last

    def course(self, model: nn.Module, batch: Batch) -> Iterator[Tensor]:
        """How pictures come out of noise: xₛ after each stride, as `predict` has pictures; the last are the answer."""
        input, shape = batch["input"], tuple(_able(model).outputs)
        said = says(input)
        row = batch.get("index", torch.arange(len(said), device=said.device))
        twice = bool(self.guidance) and bool(said.any())
        asked = _joined(input, unsaid(input)) if twice else input

        def say(noised: Tensor, t: int) -> Tensor:
            noised = noised.repeat(2, 1, 1, 1) if twice else noised
            said = model.velocity(noised, noised.new_full((len(noised),), t / self.steps), asked).float()
            return guided(*said.chunk(2), self.guidance) if twice else said

        def draw(t: int) -> Tensor:
            return hashed.normal(hashed.places(row * (self.steps + 1) + t, shape))

        stopping = stops(self.steps, self.strides)
        for picture in denoised(say, draw(self.steps), self._kept.tolist(), stopping, self.eta, draw):
            yield bytes_of(picture)

    def measures(self, target: Domain) -> dict[str, Measure]:
        return {"denoising-error": Average()}

    def _errors(self, model: nn.Module, batch: Batch) -> Tensor:
        picture = scaled(batch["target"])
        place = uniform(model, batch["target"], (), TIME)
        noise = normal(model, batch["target"], picture.shape[1:], NOISE)
        t = 1 + (place * self.steps).long().clamp(max=self.steps - 1)
        share = self._on(picture.device)[t][:, None, None, None]
        said = _able(model).velocity(noised(picture, noise, share), t / self.steps, batch["input"])
        return (said.float() - velocity(picture, noise, share)).square().mean((1, 2, 3))

    def _on(self, device: torch.device) -> Tensor:
        """ᾱ [T + 1]; it stays where it was asked for, so that a step copies nothing."""
        if self._kept.device != device:
            with torch.inference_mode(False):
                self._kept = self._kept.to(device)
        return self._kept


def _able(model: nn.Module) -> Denoiser:
    if not isinstance(model, Denoiser):
        raise ShapeError(
            f"Denoising needs a model that says what of a picture is noise, but {type(model).__name__} does not.",
            "Choose one that does: --set model.name=u-net. Your own has outputs, (C, H, W), and velocity.",
        )
    return model


def _joined(first: Field, second: Field) -> Field:
    """Questions, and others behind them."""
    if isinstance(first, dict):
        return {name: torch.cat([part, second[name]]) for name, part in first.items()}
    return torch.cat([first, second])
