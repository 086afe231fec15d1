"""From a frame to a judged function in a folder: fit, examine, compare with simple models, say how far to trust it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mapsto
from mapsto.algorithms.update.shared import has_batch_statistics
from mapsto.core import devices, world
from mapsto.core.errors import BadInput, DataError, NotFinite
from mapsto.core.nouns import World
from mapsto.core.stop import Stop, at_once
from mapsto.framing.conclude import conclude
from mapsto.framing.drawn import Sheets
from mapsto.framing.finished import finished
from mapsto.framing.result import Result
from mapsto.learner.elsewhere import Elsewhere
from mapsto.learner.fit import Observer
from mapsto.learner.learner import Learner
from mapsto.learner.race import Settled
from mapsto.learner.run import SAVE_SECONDS, Checkpoints, Run
from mapsto.learner.tensorboard import TensorBoard
from mapsto.learner.watch import Unwatched, Watch

if TYPE_CHECKING:
    from mapsto.framing.frame import Frame


@dataclass(frozen=True)
class Pace:
    """How a run spends its time beside learning, in seconds: on the simple models together, and from save to save.

    It stands in environment.json, for a resumed run keeps to it.
    """

    baseline_seconds: float = 30.0
    save_seconds: float = SAVE_SECONDS

    @classmethod
    def of(cls, environment: dict[str, Any], **asked: float | None) -> Pace:
        """As the run began, but for what is asked now."""
        before = {name: seconds for name, seconds in environment.items() if name in asked}
        return cls(**before | {name: seconds for name, seconds in asked.items() if seconds is not None})


def train(
    frame: Frame,
    run: str | Path | None = None,
    watch: Watch | None = None,
    observers: Sequence[Observer] = (),
    baseline_seconds: float = 30.0,
    tensorboard: bool = False,
    save_seconds: float = SAVE_SECONDS,
) -> Result:
    """Learn the frame's function in a new run folder (`run`, or runs/<data>-<number>) and judge it.

    Ctrl-C and SIGTERM leave a run that `resume` continues, and raise Interrupted. baseline_seconds: how long the simple
    models of the verdict may take together. tensorboard: also write its events into the run folder. save_seconds: a
    checkpoint follows at the first report after so long: what a kill can cost.

    Where torchrun started several processes, each calls this and learns its part; the first one alone writes and watches.
    Started anew by torchrun (--max-restarts), they continue `run` from its last checkpoint, where it is named.
    """
    if begun := _begun(frame, run):
        return (
            begun if isinstance(begun, Result) else resume(run, frame, watch, observers, baseline_seconds, save_seconds)
        )
    if in_folds(frame):
        from mapsto.framing.folds import train_folds

        return train_folds(frame, run, watch, baseline_seconds, save_seconds)
    with Stop() as stop:
        learner = frame.learner()
        learner.settle()
        with stop.held():
            pace = Pace(baseline_seconds, save_seconds)
            made = {**environment(frame, learner), **asdict(pace)}
            folder = first_opens(lambda: Run.create(run, run_name(frame), frame.toml(), made))
            if tensorboard and world.leads():
                observers = [*observers, TensorBoard(folder.path / "tensorboard")]
            with folder.locked():
                return _go(frame, folder, learner, watch, observers, pace, stop, 0.0)


def resume(
    run: str | Path,
    frame: Frame,
    watch: Watch | None = None,
    observers: Sequence[Observer] = (),
    baseline_seconds: float | None = None,
    save_seconds: float | None = None,
) -> Result:
    """Continue a run from its newest checkpoint that verifies, bit for bit as if it had never stopped.

    `frame` is the run's own, over the same data; other data are refused. Seconds are as the run began, unless given.
    """
    if in_folds(frame):
        from mapsto.framing.folds import resume_folds

        return resume_folds(run, frame, watch, baseline_seconds, save_seconds)
    with Stop() as stop:
        learner = frame.learner()
        folder = first_opens(lambda: Run(run))
        before = {"processes": 1, **world.firsts(folder.environment() if isinstance(folder, Run) else None)}
        learner.settle(Settled.of(before))
        now = environment(frame, learner)
        if before.get("data") != now["data"]:
            acts = isinstance(learner.data, World)
            differ = "under the same seeds the world shows something else" if acts else "their encoded values differ"
            raise BadInput(
                f"the data are not those that {run} was started on: {differ}.", "Restore them, or start a new run."
            )
        watch = _only_first(watch)
        for key in ("torch", "threads", "device", "machine", "processes"):
            if before.get(key) != now[key]:
                watch.tell(f"{key} was {before.get(key)} and is {now[key]}: the rest may differ in the last digits")
        # locked before restoring, which cuts the history back: it may be another's who is at work
        with stop.held(), folder.locked():
            about, skipped = folder.restore(learner)
            for reason in skipped:
                watch.tell(f"skipped a checkpoint: {reason}")
            if isinstance(learner.data, World) and learner.data.fresh:
                watch.tell(f"{learner.data.fresh}: it goes on in new episodes, and so not bit for bit")
            pace = Pace.of(before, baseline_seconds=baseline_seconds, save_seconds=save_seconds)
            return _go(frame, folder, learner, watch, observers, pace, stop, about.get("seconds", 0.0))


def in_folds(frame: Frame) -> bool:
    """Whether this is a run of runs, one a fold; each of those is framed with `alone`."""
    split = frame.settings["data"]["split"]
    return split["folds"] > 1 and not split.get("alone")


def run_name(frame: Frame) -> str:
    """What a run folder is called where nobody says: after the data."""
    return Path(str(frame.settings["data"]["source"])).name.split(".")[0] or "data"


def environment(frame: Frame, learner: Learner) -> dict[str, Any]:
    """Under what a run is bit for bit the same."""
    fingerprint = {
        "mapsto": mapsto.__version__,
        **devices.environment(learner.device),
        "processes": world.size(),
        "data": frame.prepared.digest,
        "exam": frame.prepared.exam,
    }
    return fingerprint | learner.settle().about()


def first_opens(open_run: Callable[[], Run]) -> Run | Elsewhere:
    """The run, opened by the first process, for this one."""
    folder = open_run() if world.rank() == 0 else None
    path = world.firsts(folder and str(folder.path))
    return folder or Elsewhere(path)


def _begun(frame: Frame, run: str | Path | None) -> Result | bool:
    """Whether torchrun has started these processes anew, after `run` had begun; its result where it had also ended."""
    world.join(devices.pick(frame.settings["run"]["device"]))
    if run is None or not any(world.gathered(world.restarts())):
        return False
    there = (Path(run) / "frame.toml").exists() and world.rank() == 0
    ended = finished(Run(run)) if there and (Path(run) / "result.json").exists() else None
    there, ended = world.firsts([there, ended])
    return Result(Path(run), ended) if ended else there


def _only_first(watch: Watch | None) -> Watch:
    return (watch if world.rank() == 0 else None) or Unwatched()


def _go(
    frame: Frame,
    folder: Run | Elsewhere,
    learner: Learner,
    watch: Watch | None,
    observers: Sequence[Observer],
    pace: Pace,
    stop: Stop,
    spent: float,
) -> Result:
    watch, observers = _only_first(watch), observers if world.rank() == 0 else ()
    if cramped := folder.cramped(learner):
        watch.tell(cramped)
    if told := _parted_statistics(learner):
        watch.tell(told)
    stop.begun = stop.begun or folder.path
    with _where_it_was(frame, folder, learner, stop):
        watch.begin(learner)
        if learner.settle().because:
            watch.tell(learner.settle().because)
        begun = time.perf_counter()
        clock = {"seconds": spent}

        def record(report: Any) -> None:
            folder.record(report, learner.algorithm.experience.seen())

        def tick(report: Any) -> None:
            clock["seconds"] = spent + time.perf_counter() - begun

        saver = Checkpoints(folder, learner, clock, pace.save_seconds)
        if frame.prepared.problem == "generation" and world.size() == 1:
            observers = [*observers, Sheets(folder.path, learner, frame.prepared)]
        learner.fit(observers=[record, tick, saver, watch, *observers], stop=stop)
        clock["seconds"] = spent + time.perf_counter() - begun
        folder.save(learner, clock)
        with at_once():  # all of it follows from that checkpoint
            return conclude(frame, folder, learner, clock["seconds"], watch, pace.baseline_seconds)


def _parted_statistics(learner: Learner) -> str:
    """What several processes change where a model looks at its batch as a whole; "" where they change nothing."""
    if world.size() == 1 or not has_batch_statistics(learner.model):
        return ""
    return (
        f"batch statistics (batch norm) are those of each process's part of a batch, 1 of {world.size()}; running statistics "
        "are averaged over the processes: not quite the run of one process"
    )


@contextmanager
def _where_it_was(frame: Frame, folder: Run | Elsewhere, learner: Learner, stop: Stop) -> Iterator[None]:
    """What is broken off in here says so, and a world that fails; what is no number, in which rows of the data it is."""
    try:
        yield
    except KeyboardInterrupt:
        kept = not learner.step or folder.checkpoint(learner.step).exists()
        kept_or_not = "nothing is lost" if kept else "it goes on from the checkpoint before"
        raise stop.interrupted(f"stopped at step {learner.step} of {learner.horizon}; {kept_or_not}.") from None
    except DataError as error:  # of a world that fails on the way
        if not isinstance(learner.data, World):
            raise
        goes_on = f"{error.remedy} Then go on from the last checkpoint: mapsto resume {folder.path}{stop.again}"
        raise DataError(error.message, goes_on, error.code) from error
    except NotFinite as error:
        told = f"{error.message}{_rows(frame, error.examples)}"
        raise NotFinite(told, error.remedy, error.step, error.examples) from error


def _rows(frame: Frame, examples: list[int]) -> str:
    """Which rows of the data these examples of the training split are."""
    if not examples:
        return ""
    shown = frame.prepared.names_of("train", examples[:5])
    return f" In the data: {', '.join(shown)}{' …' if len(examples) > 5 else ''}."
