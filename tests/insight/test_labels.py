"""Several labels at once: each one's own figures, and what the verdict says of them."""

from __future__ import annotations

import math

import pytest
import torch

from mapsto.core.nouns import Estimate
from mapsto.insight.labels import by_label
from mapsto.insight.verdict import judge


def an_exam(rows: int = 200):
    """Four labels: one told well, one not at all, one that all but two rows have, one that no row has."""
    draw = torch.Generator().manual_seed(0)
    truth = torch.zeros(rows, 4)
    truth[:, 0] = (torch.rand(rows, generator=draw) < 0.4).float()
    truth[:, 1] = (torch.rand(rows, generator=draw) < 0.4).float()
    truth[2:, 2] = 1
    said = torch.rand(rows, 4, generator=draw)
    said[:, 0] = 0.6 * truth[:, 0] + 0.4 * said[:, 0]
    said[:, 2] = 0.9
    said[:, 3] = 0.1
    return said, truth


def the_labels():
    said, truth = an_exam()
    return by_label(said, truth, truth, ["told", "untold", "usual", "absent"])


def test_each_label_has_figures_of_its_own():
    labels = the_labels()
    _, truth = an_exam()
    assert [label.present for label in labels.values()] == [int(n) for n in truth.sum(0)]
    assert labels["told"].share == pytest.approx(float(truth[:, 0].mean()))
    assert labels["told"].auroc.value > 0.98 > 0.6 > labels["untold"].auroc.value
    assert labels["told"].auroc.low > 0.95
    assert labels["usual"].f1.value == pytest.approx(2 * 198 / (200 + 198))
    assert labels["told"].auroc.n == 200


def test_a_label_that_hardly_any_row_lacks_has_no_interval_of_its_auroc():
    labels = the_labels()
    assert labels["usual"].auroc.value == 0.5
    assert math.isnan(labels["usual"].auroc.low)
    assert math.isnan(labels["absent"].auroc.value)


def verdict_on(labels):
    score = Estimate(0.8, 0.75, 0.85, 200)
    scores = {split: {"macro-f1": score} for split in ("train", "valid", "test")}
    return "\n".join(judge("multi-label", "macro-f1", 1, scores, labels=labels).lines)


def test_the_verdict_names_labels_that_are_nearly_always_there():
    said = verdict_on(the_labels())
    assert "“usual”: 99.0%, F1 0.995" in said
    assert "“absent”: 0.0%, F1 not defined" in said
    assert "F1 of a label that is nearly always there is high without looking" in said


def test_the_verdict_names_labels_that_are_not_shown_to_be_told():
    line = next(line for line in verdict_on(the_labels()).splitlines() if line.startswith("Not shown"))
    assert "“untold” (AUROC" in line
    assert "“usual” (AUROC 0.500; 198 of 200 rows have it)" in line
    assert "“absent” (no row of 200 has it)" in line
    assert "“told”" not in line


def test_even_labels_that_are_told_are_passed_over():
    said, truth = an_exam()
    assert "Labels are unequal" not in verdict_on(by_label(said[:, :1], truth[:, :1], truth[:, :1], ["told"]))
    assert "Not shown" not in verdict_on(by_label(said[:, :1], truth[:, :1], truth[:, :1], ["told"]))
