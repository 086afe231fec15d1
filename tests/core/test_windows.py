"""Windows on one long column are examples that nobody has stored."""

import pytest
import torch

from mapsto.core.batch import gathered, nbytes, over, size
from mapsto.core.errors import ShapeError
from mapsto.core.windows import Windows

COLUMN = torch.arange(100, 120, dtype=torch.int32)


def test_a_window_is_a_stretch_of_the_column():
    windows = Windows(COLUMN, 4)
    entries, count = windows.gather(torch.tensor([0, 16, 3]))
    assert entries.tolist() == [[100, 101, 102, 103], [116, 117, 118, 119], [103, 104, 105, 106]]
    assert count.tolist() == [4, 4, 4]
    assert len(windows) == 17


def test_whole_numbers_come_as_int64_and_others_as_they_are():
    assert Windows(COLUMN, 2).gather(torch.tensor([1]))[0].dtype == torch.int64
    assert Windows(COLUMN.float(), 2).gather(torch.tensor([1]))[0].dtype == torch.float32


def test_it_holds_the_column_and_no_more():
    assert Windows(COLUMN, 10).nbytes == COLUMN.nbytes
    assert Windows(COLUMN, 10).to("cpu").values is COLUMN


def test_a_column_shorter_than_a_window_has_none():
    assert len(Windows(COLUMN[:3], 4)) == 0


def test_a_batch_of_windows_says_beside_them_that_all_is_real():
    held = {"input": {"tokens": Windows(COLUMN[:-1], 4)}, "target": Windows(COLUMN[1:], 4)}
    batch = gathered(held, torch.tensor([2, 0]), iter(()))
    assert (batch["input"]["tokens"] + 1).tolist() == batch["target"].tolist()
    assert batch["input"]["count"].tolist() == batch["count"].tolist() == [4, 4]
    assert size(held) == 16
    assert nbytes(held) == 2 * 19 * 4
    assert len(over(held, lambda column: column.to("cpu"))["target"]) == 16


def test_what_is_no_column_is_refused():
    with pytest.raises(ShapeError, match=r"values \[V\] and a length of at least 1, but came \[2, 3\] and 4"):
        Windows(torch.zeros(2, 3), 4)
    with pytest.raises(ShapeError, match="and 0"):
        Windows(COLUMN, 0)
