"""Adam: the gradient's running mean over the root of its running square (Kingma and Ba 2015, arXiv:1412.6980)."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from mapsto.algorithms.optimizers.adamw import AdamW
from mapsto.core.nouns import Optimizer


@dataclass
class Adam(Optimizer):
    """Adaptive steps; weight decay, if any, as an L2 penalty in the gradient."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    _rule: AdamW = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._rule = AdamW(self.beta1, self.beta2, self.epsilon)

    def moments(self, parameter: Tensor) -> dict[str, Tensor]:
        return self._rule.moments(parameter)

    def step(
        self, parameter: Tensor, gradient: Tensor, moments: dict[str, Tensor], rate: float, decay: float, count: int
    ) -> None:
        penalised = gradient.add(parameter, alpha=decay) if decay else gradient
        self._rule.step(parameter, penalised, moments, rate, 0.0, count)
