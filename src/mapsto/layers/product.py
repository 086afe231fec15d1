"""A sparse matrix times a dense one: what all message passing comes down to."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, autograd

from mapsto.core.sparse import Pattern, Sparse


def product(matrix: Sparse, dense: Tensor) -> Tensor:
    """[M, N] times [N, D] → [M, D]: row i is Σ_k value_k · dense[column_k] over its entries. Gradients go to `dense`, and to the
    values where they are learned."""
    return _Product.apply(matrix.values, dense, matrix.pattern)


class _Product(autograd.Function):
    """∂/∂dense = Aᵀ ∂, by the transposed pattern, worked out once; ∂/∂value_k = ⟨∂_row, dense_column⟩."""

    @staticmethod
    def forward(ctx: Any, values: Tensor | None, dense: Tensor, pattern: Pattern) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(values, dense if ctx.needs_input_grad[0] else None)
        return _summed(pattern, values, dense)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        values, dense = ctx.saved_tensors
        by_values = by_dense = None
        if ctx.needs_input_grad[0]:
            by_values = (gradient[ctx.pattern.rows] * dense[ctx.pattern.columns]).sum(1)
        if ctx.needs_input_grad[1]:
            turned, order = ctx.pattern.turned
            by_dense = _summed(turned, None if values is None else values[order], gradient)
        return by_values, by_dense, None


def _summed(pattern: Pattern, values: Tensor | None, dense: Tensor) -> Tensor:
    """A bag of embeddings is a row of this product, and has a kernel everywhere, in any precision."""
    if not len(pattern.columns):
        return dense.new_zeros(len(pattern), dense.shape[1])
    weights = None if values is None else values.to(dense.dtype)
    return F.embedding_bag(
        pattern.columns,
        dense.contiguous(),
        pattern.offsets,
        mode="sum",
        per_sample_weights=weights,
        include_last_offset=True,
    )
