"""What the objectives of regression share: reading one number an example, and how near it comes."""

from __future__ import annotations

from torch import Tensor, nn

from mapsto.core.batch import Batch
from mapsto.core.errors import ShapeError
from mapsto.core.nouns import Measure
from mapsto.measures import MAE, R2, RMSE


def one_number(model: nn.Module, batch: Batch) -> Tensor:
    """The model's output [B, 1] as [B]."""
    return one(model(batch["input"]).float(), type(model).__name__)


def one(output: Tensor, model: str) -> Tensor:
    """[B, 1] as [B]. ShapeError where `model` gave something else."""
    if output.ndim != 2 or output.shape[1] != 1:
        raise ShapeError(
            f"regression needs one number an example, [B, 1], but {model} gave {list(output.shape)}.",
            "Build the model with outputs=1.",
        )
    return output.squeeze(1)


def how_near() -> dict[str, Measure]:
    return {"r2": R2(), "rmse": RMSE(), "mae": MAE()}
