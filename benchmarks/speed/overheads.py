"""What a run pays beside learning: saving, the look for numbers that are none, the bar."""

from __future__ import annotations

from benchmarks.speed.contest import Arm, Contest

CONTESTS = (
    Contest(
        "overheads",
        "What care costs",
        "overheads",
        "Of `mapsto train mnist-lenet`: the part of its training time that goes into saving (history, checkpoints every 20 s, and "
        "the one at the end) and into drawing the bar on a terminal, by a clock around each. The look for NaN and infinities is "
        "in every step: interleaved blocks of steps with and without it, by processor time, for a small perceptron, whose step is "
        "as short as they come, and for a small convolutional network.",
        "",
        (
            Arm("saving", "saving", "care:Care", "part", settings={"of": "saving"}),
            Arm("progress", "the bar", "care:Care", "part", settings={"of": "progress"}),
            Arm("nan", "the look for NaN, MLP 64–128–10, batch 32", "care:Look", "part", settings={"work": 0}),
            Arm("nan-cnn", "the look for NaN, small CNN, batch 64", "care:Look", "part", settings={"work": 1}),
        ),
        counts=("share",),
        rounds=5,
        steady=False,
        agree=0.0,
        base="saving",
        request="share",
    ),
)
