"""Everybody who may take part: mapsto, loops by hand, and frameworks at their defaults and tuned by their own guides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.speed.contest import Arm

JAX, TORCH = {"KERAS_BACKEND": "jax"}, {"KERAS_BACKEND": "torch"}

MAPSTO = Arm("mapsto", "mapsto", "mapsto:Mapsto", "mapsto", "mapsto")

TUTORIAL = Arm("loop", "PyTorch, tutorial loop", "loops:Tutorial", "defaults", "PyTorch")
TUNED = Arm("loop-tuned", "PyTorch, tuned loop", "loops:Tuned", "loop", "PyTorch")
FLAT = Arm("loop-flat", "PyTorch, tuned loop, weights in one vector", "loops:Flat", "loop", "PyTorch")
COMPILED = Arm("loop-compiled", "PyTorch, tuned loop, compiled", "loops:Tuned", "loop", "PyTorch", {"compiled": True})

SKLEARN = Arm("scikit-learn", "scikit-learn", "sklearn:SklearnMLP", "defaults", "scikit-learn")
SKORCH = Arm("skorch", "skorch", "skorch:Skorch", "defaults", "skorch")
KERAS_JAX = Arm("keras-jax", "Keras on JAX", "keras:Keras", "defaults", "Keras on JAX", environment=JAX)
KERAS_TORCH = Arm("keras-torch", "Keras on PyTorch", "keras:Keras", "defaults", "Keras on PyTorch", environment=TORCH)
HF = Arm("hf", "HF Trainer", "huggingface:HFTrainer", "defaults", "HF Trainer")
FASTAI = Arm("fastai", "fastai", "fastai:Fastai", "defaults", "fastai")
LIGHTNING = Arm("lightning", "Lightning", "lightning:Lightning", "defaults", "Lightning")


def tuned(arm: Arm) -> Arm:
    """A framework's arm as its own guide would have it for speed; each file in arms/ says what that is."""
    settings = {**arm.settings, "tuned": True}
    return replace(arm, name=f"{arm.name}-tuned", label=f"{arm.label}, tuned", kind="tuned", settings=settings)


def varied(arm: Arm, name: str, label: str, **settings: Any) -> Arm:
    """The same arm with further settings, which its name and label say."""
    return replace(
        arm,
        name="-".join(filter(None, [arm.name, name])),
        label=", ".join(filter(None, [arm.label, label])),
        settings={**arm.settings, **settings},
    )


def seldom(arm: Arm, share: float = 0.34) -> Arm:
    """An arm that takes long, in a share of the rounds."""
    return replace(arm, fewer=share)
