"""How far drawn pictures lie from real ones, as two clouds of points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.core import seeds
from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Measure
from mapsto.measures.precise import precise

SEED = 200209797  # of the paper below: no setting changes the network
MAPS = (16, 24)  # of its two convolutions
KERNEL, CELLS = 5, 2  # pixels; cells a side that the last maps are averaged over


class FrechetDistance(Measure):
    """‖μ − m‖² + tr(Σ + S − 2 (Σ S)^½), between means and covariances of features of real and of drawn pictures (Heusel et al.
    2017, arXiv:1706.08500, eq. 6); 0 where they are the same.

    The features are those of a small convolutional network with random weights, always the same ones: it favours nobody, knows no
    classes, and needs no other data (Naeem et al. 2020, arXiv:2002.09797, §4.2, on random embeddings). So figures compare runs on
    the same data and are no FIDs of Inception's; a judge of one's own tells more (`mapsto evaluate --judge`).

    prediction, target: pictures [B, C, H, W], 0 … 255: row by row they need not belong together.
    """

    better = -1
    signature = "features of a fixed random network"

    def keep(self, prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.ndim != 4 or prediction.shape != target.shape:
            raise ShapeError(
                f"FrechetDistance needs drawn and real pictures, [B, C, H, W] each, but was given {list(prediction.shape)} and "
                f"{list(target.shape)}."
            )
        return torch.cat([features(target), features(prediction)], dim=1)

    def formula(self, kept: Tensor, weight: Tensor) -> Tensor:
        """kept [N, 2 F]: features of a real picture, and of a drawn one."""
        real, drawn = (cloud(part, weight) for part in precise(kept).chunk(2, dim=1))
        return frechet(*real, *drawn)


def cloud(features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """[N, F], weight [N] → mean [F] and covariance [F, F]."""
    weight = precise(weight)
    total = weight.sum()
    mean = weight @ features / total
    apart = features - mean
    return mean, (apart * weight[:, None]).T @ apart / total


def frechet(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> Tensor:
    """The squared Fréchet distance of two normal distributions, [] (Dowson and Landau 1982, eq. 4).

    The trace of (Σ S)^½ is that of (Σ^½ S Σ^½)^½, whose matrix is symmetric.
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    shared = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp(min=0).sqrt().sum()
    apart = (mean - other_mean).square().sum()
    return (apart + covariance.trace() + other_covariance.trace() - 2 * shared).clamp(min=0)


def features(picture: Tensor) -> Tensor:
    """Pictures [B, C, H, W], 0 … 255 → [B, 24 · 4]: two convolutions with random weights of the size that keeps the spread of what
    goes through (He et al. 2015, arXiv:1502.01852, eq. 10), each at stride 2 and bent; the mean of each map over its quarters.
    """
    seen = picture.float() / 127.5 - 1
    for k, after in enumerate(MAPS):
        before = seen.shape[1]
        drawn = torch.randn(after, before, KERNEL, KERNEL, generator=seeds.generator("cpu", SEED, k))
        weight = (drawn * (2 / (before * KERNEL**2)) ** 0.5).to(seen.device)
        seen = F.relu(F.conv2d(seen, weight, stride=2, padding=KERNEL // 2))
    return F.adaptive_avg_pool2d(seen, CELLS).flatten(1)
