"""f(x) = what the k training examples nearest to x say on average (Fix and Hodges 1951; Cover and Hart 1967)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mapsto.core.batch import Batch, Field
from mapsto.core.nouns import Problem, Shape, Solvable
from mapsto.layers.columns import Columns
from mapsto.layers.standard import Standard
from mapsto.layers.trees import within
from mapsto.models.shallow import examples, log_shares, require_solved, share_logits

AT_ONCE = 1024  # stored examples compared together: bounds memory at 8 KiB for each example asked about
EXACT = 64  # up to this width, distances are summed column by column


class KNearest(Solvable):
    """Keeps all examples and answers with the mean of the nearest ones: no training, all memory.

    Distance is Euclidean on standardised columns (`standard` holds their mean and scale). A neighbour of weight w votes
    w times; where all weigh the same, this is scikit-learn's KNeighbors with uniform weights.

    inputs: shape of the input (see `Columns`; categories are one-hot); outputs: classes, labels, or 1 number.
    neighbours: k; all examples where there are fewer.
    forward: input [B, *inputs] → [B, outputs]: the logarithm of each class's share among the neighbours; the log-odds
        of each label's share; or their mean target.
    Cost: solving only stores, rows × columns × 4 bytes. Each answer compares with all rows: rows × columns.
    """

    def __init__(self, inputs: Shape, outputs: int, neighbours: int = 5):
        super().__init__()
        self.inputs, self.outputs, self.neighbours = inputs, outputs, neighbours
        self.columns = Columns(inputs)
        self.standard = Standard(inputs, self.columns.width)
        self.register_buffer("rows", torch.empty(0, self.columns.width, dtype=torch.float32))  # [N, width], raw
        self.register_buffer("weight", torch.empty(0, dtype=torch.float64))  # [N]
        # what the rows answer; only the one that fits the problem is filled
        self.register_buffer("classes", torch.empty(0, dtype=torch.int64))  # [N]
        self.register_buffer("labels", torch.empty(0, outputs, dtype=torch.bool))  # [N, L]
        self.register_buffer("numbers", torch.empty(0, dtype=torch.float64))  # [N]

    def solve(self, batch: Batch, problem: Problem, seed: int) -> None:
        found = examples(self, batch, problem, ("classification", "multi-label", "regression"))
        self.standard.fit(found.features, found.weight)
        self.rows = torch.from_numpy(found.features).clone()
        self.weight = (
            torch.ones(len(self.rows), dtype=torch.float64) if found.weight is None else torch.from_numpy(found.weight)
        )
        target = torch.from_numpy(found.target)
        self.classes = target if problem == "classification" else self.classes[:0]
        self.labels = target.bool() if problem == "multi-label" else self.labels[:0]
        self.numbers = target if problem == "regression" else self.numbers[:0]
        self.to(found.device)

    def odd(self) -> str:
        rows = len(self.rows)
        answers = sorted(map(len, (self.classes, self.labels, self.numbers)))
        good = len(self.weight) == rows and answers == [0, 0, rows]
        return "" if good and within(self.classes, self.outputs) else f"there is not one answer to each of {rows} rows"

    def forward(self, input: Field) -> Tensor:
        require_solved(self, self.rows)
        near = self.nearest(input)
        weight = self.weight[near]
        weight = (weight / weight.sum(dim=1, keepdim=True))[..., None]  # [B, k, 1]
        if len(self.classes):
            share = (F.one_hot(self.classes[near], self.outputs) * weight).sum(dim=1)
            return log_shares(share).float()
        if len(self.labels):
            return share_logits((self.labels[near] * weight).sum(dim=1).clamp(max=1)).float()
        return (self.numbers[near, None] * weight).sum(dim=1).float()

    def nearest(self, input: Field) -> Tensor:
        """The stored rows nearest to each example, nearest first: [B, k] int64."""
        asked = self.standard(self.columns(input))
        k = min(self.neighbours, len(self.rows))
        # a matrix product is ten times as fast on wide rows, but its last bits depend on the batch: then which of
        # several equally near rows are taken may too. Rows of a table are often equally near, wide ones hardly ever
        mode = "donot_use_mm_for_euclid_dist" if self.columns.width <= EXACT else "use_mm_for_euclid_dist"
        distance = asked.new_empty(asked.shape[0], 0)
        near = self.classes.new_empty(asked.shape[0], 0)
        for start in range(0, len(self.rows), AT_ONCE):
            stored = self.standard(self.rows[start : start + AT_ONCE])
            here = torch.cdist(asked, stored, compute_mode=mode)
            here, place = here.topk(min(k, len(stored)), largest=False)
            distance, near = torch.cat([distance, here], dim=1), torch.cat([near, place + start], dim=1)
            distance, place = distance.topk(min(k, distance.shape[1]), largest=False)
            near = near.gather(1, place)
        return near
