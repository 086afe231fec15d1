"""What words alone have taught, in points: `python -m benchmarks.few_labels RUN [SEEDS]`; RUN is a finished run of nsmc_words.

The same network with the same tokens, fine-tuned on the same 2 % of the labels, once with the body of RUN and once with first
weights. The test rows are looked at once a fine-tuning.
"""

from __future__ import annotations

import statistics
import sys
from unittest import mock

from mapsto.framing.start import Start
from mapsto.recipes.text.nsmc_few import nsmc_few


def accuracy(run: str, seed: int) -> float:
    learner = nsmc_few(seed=seed, start=run).learner().fit().take_best()
    return learner.evaluate("test", intervals=False)["accuracy"].value


def main(run: str, seeds: int = 5) -> None:
    gains = []
    for seed in range(seeds):
        taught = accuracy(run, seed)
        with mock.patch.object(Start, "hand_over", lambda self, model, target: model):
            scratch = accuracy(run, seed)
        gains.append(taught - scratch)
        print(f"seed {seed}: {taught:.4f} from {run}, {scratch:.4f} from scratch", flush=True)
    print(f"{100 * statistics.mean(gains):.2f} points in the mean of {seeds}; the gate is 2")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
