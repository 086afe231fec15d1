"""A measured value with its 95 % interval: Wilson's for shares, the bootstrap for everything else."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mapsto.core.nouns import Estimate, Measure
from mapsto.core.seeds import generator
from mapsto.measures.accuracy import Accuracy
from mapsto.measures.auroc import AUROC
from mapsto.measures.average_precision import AveragePrecision
from mapsto.measures.exact_match import ExactMatch
from mapsto.measures.label_f1 import LabelF1
from mapsto.measures.macro_f1 import MacroF1
from mapsto.measures.micro_f1 import MicroF1
from mapsto.measures.span_f1 import SpanF1
from mapsto.measures.tag_accuracy import TagAccuracy

SHARES = (Accuracy, ExactMatch)
AT_MOST_ONE = (AUROC, AveragePrecision, LabelF1, MacroF1, MicroF1, SpanF1, TagAccuracy)
Z = 1.959964  # 95 % of a normal distribution lies within ± Z
NUMBERS = 5_000_000  # resampled numbers a bootstrap may cost: about a quarter of a second


def estimate(measure: Measure, seed: int = 0, replicates: int = 200) -> Estimate:
    """What the measure comes to over all it was told, and how far chance in the examples may have moved it.

    The interval speaks of other examples from the same source, for this one trained model; not of other training runs.
    NaN where a value or its interval is not defined: nothing was told, one class only, fewer than two examples.
    """
    if not measure.kept:
        return Estimate(math.nan, math.nan, math.nan, 0)
    rows = measure.rows()
    value, n = measure.total(), len(rows)
    if math.isnan(value) or not replicates:
        return Estimate(value, math.nan, math.nan, n)
    if isinstance(measure, SHARES):
        low, high = wilson(value, n)
    elif n < 2:
        low = high = math.nan
    else:
        low, high = bootstrap(measure, rows, value, seed, replicates)
    return Estimate(value, low, high, n)


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share seen among n (Wilson 1927): right near 0 and 1 too, where p ± 2σ is not."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def bootstrap(measure: Measure, rows: Tensor, value: float, seed: int, replicates: int) -> tuple[float, float]:
    """95 % interval by drawing N of the N rows again and again (Efron 1979). `rows` is [N, S].

    Each draw is a function of (seed, its number). Where rows are many, draws are few and their spread is read as a
    normal one, which it nearly is by then.
    """
    n = len(rows)
    draws = min(replicates, max(20, NUMBERS // rows.numel()))
    values = torch.stack([measure.formula(rows, _draw(n, rows.device, seed, k)) for k in range(draws)]).double().cpu()
    values = values[values.isfinite()]  # a draw without any positive, say, tells nothing
    if len(values) < 2:
        return math.nan, math.nan
    if isinstance(measure, AT_MOST_ONE) and value == 1.0:
        return wilson(1.0, n)  # every draw from a flawless exam is flawless: the bootstrap would claim certainty
    if draws < 100:
        half = Z * float(values.std())
        return value - half, value + half
    low, high = values.quantile(torch.tensor([0.025, 0.975], dtype=values.dtype)).tolist()
    return min(low, value), max(high, value)


def _draw(n: int, device: torch.device, seed: int, number: int) -> Tensor:
    """How often each of n rows is drawn, [n]; n draws in all."""
    drawn = torch.randint(n, (n,), generator=generator(device, seed, number), device=device)
    return drawn.bincount(minlength=n).float()
