"""Before any timing: do all arms of a contest learn the same thing?

From the weights of seed 0, three steps on one batch of all rows leave nothing to chance: arms with the same optimizer maths give
the same answers then; all of them take float32 here, whatever they do when they are timed. Frameworks that draw their own first
weights (scikit-learn, Keras) are held to their number of weights and steps, and later to the score.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.speed.contest import Contest
from benchmarks.speed.process import Failed, Process

OWN_WEIGHTS = ("scikit-learn", "Keras on JAX", "Keras on PyTorch")  # families


def check(contest: Contest, only: list[str]) -> dict[str, Any]:
    """Tells as it goes. {"agree": arm → how far its answers lie from the first arm's, "odd": what is not the same}."""
    odd: list[str] = []
    agree: dict[str, float] = {}
    reference: np.ndarray | None = None
    weights: int | None = None
    for arm in contest.arms:
        if not contest.task or not contest.agree or (only and arm.name not in only):
            continue
        process = Process(contest, arm)
        try:
            reply = process.ask("same")
        except Failed as error:
            odd.append(str(error))
            print(f"   {error}", flush=True)
            continue
        finally:
            process.close()
        if reply["steps"] != 3:
            odd.append(f"{arm.name} made {reply['steps']} steps instead of 3")
        weights = reply["weights"] if weights is None else weights
        if reply["weights"] != weights:
            odd.append(f"{arm.name} has {reply['weights']:,} weights instead of {weights:,}")
        if arm.family in OWN_WEIGHTS:
            continue
        answers = np.array(reply["answers"])
        if answers.shape[1] > 1:  # logits, which are free of a constant, or logarithms of probabilities, which are not
            answers -= np.logaddexp.reduce(answers, axis=1, keepdims=True)
        reference = answers if reference is None else reference
        agree[arm.name] = float(abs(answers - reference).max())
        if agree[arm.name] > contest.agree:
            odd.append(f"{arm.name}: its answers differ by {agree[arm.name]:.1e} after three equal steps")
        print(f"   {arm.name}: {agree[arm.name]:.1e} from the first after three equal steps", flush=True)
    return {"agree": agree, "odd": odd}
