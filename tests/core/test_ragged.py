"""Ragged columns beside the slow way of writing them: a list of lists, padded one by one."""

import numpy as np
import pytest
import torch

from mapsto.core.batch import columns, gathered, nbytes, over, pieces, size
from mapsto.core.errors import ShapeError
from mapsto.core.ragged import Ragged, mask
from mapsto.data.dataset import Examples

ROWS = [[3, 1, 4], [], [1, 5, 9, 2, 6], [5], [], [3, 5]]


def padded(rows, index, length, pad=0):
    """[B, T], written out."""
    return torch.tensor([[*rows[i], *[pad] * (length - len(rows[i]))] for i in index])


@pytest.mark.parametrize("index", [[0], [2, 2, 0], [1], [5, 4, 3, 2, 1, 0], [4, 1]])
@pytest.mark.parametrize("pad", [0, -1])
def test_a_gathered_batch_is_the_padded_list(index, pad):
    longest = max(1, *(len(ROWS[i]) for i in index))
    for length in (longest, longest + 3):
        entries, count = Ragged.of(ROWS, pad=pad).gather(torch.tensor(index), length)
        assert torch.equal(entries, padded(ROWS, index, length, pad))
        assert count.tolist() == [len(ROWS[i]) for i in index]


def test_entries_may_be_vectors_of_any_dtype():
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randn(n, 2, 3, generator=draw).to(torch.float16) for n in (4, 0, 7)]
    entries, count = Ragged.of(rows, pad=float("nan")).gather(torch.tensor([2, 1, 0]), 8)
    assert entries.shape == (3, 8, 2, 3)
    assert entries.dtype == torch.float16
    assert torch.equal(entries[0, :7], rows[2])
    assert torch.equal(entries[2, :4], rows[0])
    assert entries.isnan().flatten(2).any(2).sum(1).tolist() == [1, 8, 4]
    assert count.tolist() == [7, 0, 4]
    flags = Ragged.of([np.array([True, True]), np.array([True])], pad=False)
    assert flags.gather(torch.tensor([1, 0]), 2)[0].tolist() == [[True, False], [True, True]]


def test_examples_of_no_entry_at_all_are_padding_only():
    none = Ragged.of([[], [], []], pad=7, dtype=torch.long)
    entries, count = none.gather(torch.tensor([2, 0]), 1)
    assert entries.tolist() == [[7], [7]]
    assert count.tolist() == [0, 0]


def test_a_gather_is_a_handful_of_operations_whatever_the_batch():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counting(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.calls = []

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.calls.append(str(func))
            return func(*args, **(kwargs or {}))

    held = Ragged.of([[1] * (i % 50) for i in range(5000)])
    counts = []
    for rows in (2, 2000):
        with Counting() as counting:
            held.gather(torch.arange(rows), 50)
        counts.append(len(counting.calls))
        assert not [
            c for c in counting.calls if "_local_scalar_dense" in c or "nonzero" in c
        ]  # nobody waits for the device
    assert counts[0] == counts[1] < 25


def test_a_part_of_it_is_a_part_of_the_list():
    held = Ragged.of(ROWS)
    for part in (slice(0, 2), slice(2, 5), slice(3, None), slice(0, 0), slice(4, 2), slice(None), slice(-2, None)):
        rows, found = ROWS[part], held[part]
        assert len(found) == len(rows)
        assert found.lengths.tolist() == [len(row) for row in rows]
        assert found.values.tolist() == [entry for row in rows for entry in row]
        assert found.pad == held.pad and found.count == held.count
    with pytest.raises(ShapeError, match="a step of 2"):
        held[::2]


def test_a_mask_is_true_where_entries_are_real():
    assert mask(torch.tensor([2, 0, 3]), 3).tolist() == [[True, True, False], [False] * 3, [True] * 3]


def test_what_maps_over_a_batch_maps_over_ragged_columns():
    held = {"input": {"tokens": Ragged.of(ROWS), "number": torch.arange(12.0).view(6, 2)}, "target": torch.arange(6)}
    assert size(held) == 6
    assert [name for name, _ in columns(held)] == ["input/tokens", "input/number", "target"]
    assert nbytes(held) == 8 * 11 + 8 * 7 + 4 * 12 + 8 * 6
    some = over(held, lambda column: column[1:4])
    assert size(some) == 3
    batch = gathered(some, torch.tensor([0, 1]), iter([5]))
    assert batch["input"]["tokens"].tolist() == [[0] * 5, [1, 5, 9, 2, 6]]
    assert batch["input"]["count"].tolist() == [0, 5]
    assert batch["input"]["number"].tolist() == [[2, 3], [4, 5]]
    assert batch["target"].tolist() == [1, 2]
    halves = pieces(batch, 2)
    assert [half["input"]["count"].tolist() for half in halves] == [[0], [5]]
    assert [half["input"]["tokens"].shape for half in halves] == [(1, 5), (1, 5)]


def test_two_sides_have_lengths_of_their_own():
    view = Examples({"input": {"tokens": Ragged.of([[1, 2], [3]])}, "target": Ragged.of([[7], [8, 9, 9]], pad=-1)})
    assert view.lengths.tolist() == [[2, 1], [1, 3]]
    batch = view.gather(torch.tensor([1, 0]))
    assert batch["input"]["tokens"].tolist() == [[3, 0], [1, 2]]
    assert batch["input"]["count"].tolist() == [1, 2]
    assert batch["target"].tolist() == [[8, 9, 9], [7, -1, -1]]
    assert batch["count"].tolist() == [3, 1]


def test_columns_of_the_same_lengths_share_a_count():
    rows = Ragged.of(ROWS)
    view = Examples({"input": {"tokens": rows, "shape": rows}, "target": torch.arange(6)})
    assert view.gather(torch.tensor([0]))["input"].keys() == {"tokens", "shape", "count"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"input": {"a": Ragged.of([[1], [2]]), "b": Ragged.of([[1], [2, 3]])}},
            "'b' is ragged.*another column says its own",
        ),
        ({"input": Ragged.of([[1]]), "count": torch.zeros(1)}, "another column has that name"),
        ({"input": Ragged.of([[1], [2]]), "target": torch.zeros(3)}, "input has 2, target has 3"),
    ],
)
def test_columns_that_do_not_go_together_are_refused(fields, said):
    with pytest.raises(ShapeError, match=said):
        Examples(fields)


@pytest.mark.parametrize(
    ("values", "offsets", "said"),
    [
        (torch.zeros(5), torch.tensor([0, 3, 2, 5]), "number 1 is 3 and the next 2"),
        (torch.zeros(5), torch.tensor([0, 3, 4]), "from 0 to the number of values, 5, but came from 0 to 4"),
        (torch.zeros(5), torch.tensor([1, 5]), "came from 1 to 5"),
        (torch.zeros(5), torch.tensor([0, 5, 9]), "came from 0 to 9"),
        (torch.zeros(5), torch.tensor([0.0, 5.0]), "whole offsets"),
        (torch.zeros(5), torch.zeros(0, dtype=torch.long), "whole offsets"),
        (torch.tensor(5), torch.tensor([0]), "values \\[V, …\\]"),
    ],
)
def test_offsets_that_are_none_are_refused(values, offsets, said):
    with pytest.raises(ShapeError, match=said):
        Ragged(values, offsets)


def test_entries_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"of one shape, but came \[2\] and \[3\]"):
        Ragged.of([torch.zeros(4, 2), torch.zeros(4, 3)])
