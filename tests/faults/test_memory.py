"""Memory that does not suffice: smaller pieces of the same batch, the same gradient, and said so; never another run in silence."""

import json
import random
import subprocess
import sys

import pytest
import torch
from torch import nn
from toys import OUTPUTS, batch, dataset, learner

from mapsto.algorithms.update import Descend
from mapsto.core.batch import pieces, size
from mapsto.core.errors import FailedRun
from mapsto.core.schedules import Constant
from mapsto.core.state import pack
from mapsto.learner.learner import initialised
from mapsto.models import MLP

WORDS = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 8589934592 bytes."
    ),
    lambda: MemoryError("Unable to allocate 8.00 GiB for an array"),
]


class Narrow(nn.Module):
    """A model for which only so many examples at a time have room."""

    def __init__(self, within: nn.Module, room: int, error=WORDS[0]):
        super().__init__()
        self.within, self.room, self.error = within, room, error

    def forward(self, input):
        if len(input) > self.room:
            raise self.error()
        return self.within(input)


def narrow(problem, room, norm="none", error=WORDS[0], accumulate=1, **more):
    within = initialised(lambda: MLP((6,), OUTPUTS[problem], width=8, norm=norm), 3)
    update = Descend(0.01, schedule=Constant(), accumulate=accumulate)
    return learner(problem, update, model=Narrow(within, room, error), data=dataset(problem, rows=40), **more)


def gradients(run, examples, step=0):
    flat = run.algorithm.update.flats[""]
    run.model.train()
    run.algorithm.update.descend(examples, "", flat, step)
    return torch.cat([g.reshape(-1).clone() for g in flat.gradients])


def in_small_batches(run, examples, step=0):
    """What others do: the batch is halved, and nothing is accumulated in its stead."""
    update = run.algorithm.update
    try:
        return gradients(run, examples, step)
    except (RuntimeError, MemoryError):
        return in_small_batches(run, pieces(examples, 2)[0], step)
    finally:
        update.untold.clear()


def tried(seed: int, gradient_of=gradients) -> bool:
    draw = random.Random(seed)
    problem = draw.choice(list(OUTPUTS))
    rows, room, norm = draw.randrange(2, 40), draw.randrange(1, 24), draw.choice(["none", "layer"])
    examples = batch(problem, rows=rows, seed=seed)
    if draw.random() < 0.5:
        examples["weight"] = torch.rand(rows, generator=torch.Generator().manual_seed(seed))
    whole = gradients(narrow(problem, 1000, norm), examples)
    run = narrow(problem, room, norm, draw.choice(WORDS), accumulate=draw.choice([1, 1, 3]))
    if gradient_of is in_small_batches:
        run.algorithm.update.make_do = _give_up
    near = torch.allclose(gradient_of(run, examples), whole, rtol=1e-5, atol=1e-6)
    said = run.algorithm.update.untold
    enough = -(-rows // run.algorithm.update.accumulate) <= room
    return near and bool(said) != enough


def _give_up(rows, told, step):
    raise MemoryError(told)


def test_an_allocation_that_fails_leaves_batch_and_gradient_as_they_are(dose, counted):
    count = dose(25, 100)
    held = sum(tried(seed) for seed in range(count))
    wrong = sum(not tried(seed, in_small_batches) for seed in range(25))
    assert wrong > 5
    counted("memory", tried=count, held=held, control=f"a smaller batch instead: {wrong} of 25 gradients differ")
    assert held == count


def test_what_is_said_is_the_piece_and_that_the_batch_stays():
    run = narrow("classification", room=4)
    heard = []
    run.fit(8, observers=[heard.append])
    (news,) = [line for report in heard for line in report.news if "3 examples" in line]
    assert "memory did not suffice" in news and "the same batch of 10 and the same gradient" in news
    assert run.step == 8


def test_where_there_are_batch_statistics_it_says_what_changes():
    run = narrow("classification", room=6, norm="batch")
    gradients(run, batch(rows=10))
    (news,) = run.algorithm.update.news()
    assert "batch statistics (batch norm) are now those of 5 examples" in news


def test_statistics_of_the_turn_that_failed_are_forgotten():
    class Late(nn.Module):
        """Fails after its norm has seen the batch."""

        def __init__(self):
            super().__init__()
            self.norm, self.output = nn.BatchNorm1d(6), nn.Linear(6, 3)

        def forward(self, input):
            seen = self.norm(input)
            if len(input) > 5:
                raise WORDS[0]()
            return self.output(seen)

    run = learner(model=Late())
    gradients(run, batch(rows=10))
    assert run.model.norm.num_batches_tracked == 2  # of the two halves, not of the whole that failed


def test_a_single_example_that_has_no_room_ends_the_run():
    run = narrow("classification", room=0)
    with pytest.raises(FailedRun, match=r"does not suffice for a single example(.|\n)*smaller model"):
        gradients(run, batch(rows=10))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    run = narrow("classification", room=2, error=lambda: RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        gradients(run, batch(rows=10))


def test_smaller_pieces_are_remembered_by_a_checkpoint():
    from mapsto.core.state import unpack

    run = narrow("classification", room=4)
    run.fit(3)
    again = narrow("classification", room=4)
    again.load_state_dict(unpack(pack(run.state_dict())))
    assert again.algorithm.update.parts == run.algorithm.update.parts == 4


def test_an_exam_without_room_goes_in_halves_and_says_the_same():
    exact, run = narrow("classification", 1000), narrow("classification", 7)
    examples = batch(rows=23)
    assert torch.allclose(run.predict(examples), exact.predict(examples), atol=1e-6)
    prediction, judged = run.judge(examples)
    assert size({"input": prediction}) == 23
    for term, pair in exact.judge(examples)[1].items():
        assert torch.allclose(judged[term], pair, rtol=1e-6)


CHILD = """
import json, resource, sys, torch
sys.path.insert(0, {tests!r})
from torch import nn
from toys import dataset, learner
from mapsto.algorithms.experience import Passes
from mapsto.algorithms.update import Descend
from mapsto.core.schedules import Constant
from mapsto.learner.race import Settled
torch.set_num_threads(1)
class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
    def forward(self, input):
        much = self.first(input)[:, :, None].expand(-1, -1, 40_000).clone()
        return self.last(much.relu().mean(2))
run = learner(model=Wide(), data=dataset(rows=512), experience=Passes(512), update=Descend(0.01, schedule=Constant()))
run.settled = Settled()
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + {room}, now + {room}))
heard = []
run.fit(2, observers=[heard.append])
print(json.dumps({{"parts": run.algorithm.update.parts, "news": [n for r in heard for n in r.news]}}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited through /proc and RLIMIT_AS")
def test_a_process_that_truly_runs_out_of_memory_goes_on_in_smaller_pieces():
    from pathlib import Path

    code = CHILD.format(tests=str(Path(__file__).parents[1]), room=600 << 20)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["parts"] >= 2
    assert "memory did not suffice" in told["news"][0]
