"""Whether predictions and targets are of the shapes a measure reads; a silent broadcast would measure nonsense."""

from __future__ import annotations

from torch import Tensor

from mapsto.core.errors import ShapeError


def need_classes(measure: str, prediction: Tensor, target: Tensor) -> None:
    """Probabilities [B, C] and the index of the true class, int64 [B]."""
    if prediction.dim() != 2 or target.shape != prediction.shape[:1] or target.is_floating_point():
        raise ShapeError(
            f"{measure} needs probabilities [B, C] and class indices, int64 [B], but was given "
            f"{list(prediction.shape)} and {target.dtype} {list(target.shape)}.",
            "For several labels a row use LabelF1, MicroF1 or ExactMatch, target [B, L]; for numbers R2, RMSE or MAE.",
        )


def need_labels(measure: str, prediction: Tensor, target: Tensor) -> None:
    """Probabilities [B, L] and whether each label holds, 0 or 1, [B, L]."""
    if prediction.dim() != 2 or target.shape != prediction.shape:
        raise ShapeError(
            f"{measure} needs probabilities [B, L] and zeros and ones [B, L], but was given "
            f"{list(prediction.shape)} and {list(target.shape)}.",
            "For one class a row use Accuracy, MacroF1, AUROC or LogLoss; for numbers R2, RMSE or MAE.",
        )


def need_numbers(measure: str, prediction: Tensor, target: Tensor) -> None:
    """Predicted and true numbers, both [B]."""
    if prediction.dim() != 1 or target.shape != prediction.shape:
        raise ShapeError(
            f"{measure} needs predicted and true numbers, both [B], but was given "
            f"{list(prediction.shape)} and {list(target.shape)}.",
            "A model with one output gives [B, 1]: let the objective's `predict` take that one column.",
        )


def need_tags(measure: str, prediction: Tensor, target: Tensor) -> None:
    """Predicted and true places among the tags, int64 [B, T]."""
    if prediction.dim() != 2 or target.shape != prediction.shape or prediction.is_floating_point():
        raise ShapeError(
            f"{measure} needs predicted and true places of tags, int64 [B, T], but was given {prediction.dtype} "
            f"{list(prediction.shape)} and {list(target.shape)}.",
            "Let the objective's `predict` choose the tags.",
        )
