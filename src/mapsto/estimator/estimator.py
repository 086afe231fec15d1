"""What the two estimators share: from arguments and (X, y) to a frame, a learner, and the learned function."""

from __future__ import annotations

import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn

import mapsto
from mapsto.core.batch import over
from mapsto.core.errors import DataError
from mapsto.core.nouns import Raw
from mapsto.core.text import clean
from mapsto.data.dataset import Examples
from mapsto.domains.row import Row
from mapsto.estimator.columns import column_to_answer, is_frame, raw_to_learn
from mapsto.estimator.packed import packed, unpacked
from mapsto.export import bundle
from mapsto.export.function import Function
from mapsto.framing.frame import Frame
from mapsto.framing.source import IN_MEMORY
from mapsto.learner.fit import Report

TOGETHER = 32  # rows are always answered so many at a time, the last ones padded
SILENT = ("id", "aside", "empty")  # columns left out that a user would miss
TURNS = threading.Lock()  # what is drawn while learning comes from the process's own generator


class Estimator(BaseEstimator, ABC):
    """A scikit-learn estimator over a Frame and a Learner.

    There is no sample_weight: standardisation, the validation share and the order of batches go by rows, so a weight of 2
    would not be the same as the row twice, which is what scikit-learn takes it to mean.
    """

    function_: Function

    def __init__(
        self,
        model: str | dict[str, Any] | nn.Module = "auto",
        *,
        epochs: int | None = None,
        steps: int | None = None,
        minutes: float | None = None,
        learning_rate: float | str | None = None,
        batch_size: int | None = None,
        early_stopping: int | None = None,
        validation_fraction: float = 0.16,
        settings: dict[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "auto",
        verbose: int = 0,
    ):
        """What is None is left to the frame, which proposes it from the data.

        model: "auto", a registered name ("mlp"), a spec ({"name": "mlp", "width": 32}), or an nn.Module from the ready
            input to what the objective reads. Ready are [B, D] of an array, [B, C, H, W] of pictures, and of a frame a
            dict of "number" [B, P] and "category" [B, K].
        epochs, steps, minutes: where training ends, whichever comes first.
        learning_rate: its peak; "auto" is found by a range test.
        early_stopping: end after so many exams in a row without a lower validation loss.
        validation_fraction: the share of the rows, of every class alike, that is not trained on but chosen by: the weights
            of the best exam on them are kept. With 0, all rows are trained on and the last weights are kept.
        settings: any others by their dotted paths, as `--set` takes them: {"model.width": 32}.
        random_state: the seed of everything, the validation share included. From the same seed comes the same function,
            also where nobody gives one; None, or a RandomState, draws another for each fit.
        device: "auto", "cpu", "cuda", "mps".
        verbose: 1 prints a line an exam.
        """
        self.model = model
        self.epochs, self.steps, self.minutes = epochs, steps, minutes
        self.learning_rate, self.batch_size, self.early_stopping = learning_rate, batch_size, early_stopping
        self.validation_fraction, self.settings = validation_fraction, settings
        self.random_state, self.device, self.verbose = random_state, device, verbose

    @abstractmethod
    def _answers(self, y: Any) -> tuple[np.ndarray, str]:
        """y as a column of raw values, and the name of the domain that reads it."""

    def fit(self, X: Any, y: Any) -> Self:
        """Learn y from X: numbers [N, D] with NaN where missing, pictures [N, H, W] or [N, H, W, C], or a data frame.

        Raises ValueError or TypeError for data that cannot be learned from, FailedRun where the loss runs away.
        Leaves `function_` (raw values in, raw values out), `settings_` (every one there was), `history_` (a dict a report:
        step, epoch, losses, valid), `n_iter_` (passes over the rows), `left_out_` (column → why it was not learned from),
        `n_features_in_`, and `feature_names_in_` where X has names.
        """
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None.", code="D193")
        raw = raw_to_learn(self, X)
        self._named = list(raw.columns) if is_frame(X) else []
        answers, kind = self._answers(y)
        check_consistent_length(next(iter(raw.columns.values())), answers)
        frame = self._frame(raw, answers, kind)
        kinds = frame.prepared.kinds
        self.left_out_ = {column: kind.because for column, kind in kinds.items() if kind.name in SILENT}
        for column, because in self.left_out_.items():
            warnings.warn(f"column '{clean(column)}' is not learned from: {because}.", UserWarning, stacklevel=2)
        self.history_: list[dict[str, Any]] = []
        with traceless():
            learner = frame.learner().fit(observers=[self._hear]).take_best()
        self.settings_ = frame.settings
        self.n_iter_ = -(-learner.step // learner.algorithm.experience.batches)
        about = {"mapsto": mapsto.__version__, "data": IN_MEMORY, "target_name": raw.target}
        if not isinstance(learner.data.input, Row):
            about["input_name"] = frame.prepared.input_name
        self.function_ = Function(learner.model, learner.objective, learner.data.input, learner.data.target, about)
        return self

    def save(self, path: str | Path) -> None:
        """Write the learned function as a model folder, which `mapsto.load` reads."""
        check_is_fitted(self)
        f = self.function_
        bundle.save(Path(path), f.model, {"best": dict(f.model.state_dict())}, f.objective, f.input, f.target, f.about)

    def _frame(self, raw: Raw, answers: np.ndarray, kind: str) -> Frame:
        """The frame that the arguments ask for."""
        target = "y"
        while target in raw.columns:
            target += "_"
        raw.columns[target], raw.target = answers, target
        given = isinstance(self.random_state, Integral)
        seed = int(self.random_state if given else check_random_state(self.random_state).randint(2**31))
        split = {"test": 0.0, "valid": self.validation_fraction, "seed": seed}
        data = {"source": IN_MEMORY, "target": target, "kinds": {target: kind}, "split": split}
        frame = Frame(raw, None, data, seed, self.device)
        asked = {**(self.settings or {})}
        if isinstance(self.model, nn.Module):
            frame.model = self.model
        elif self.model != "auto":
            asked = {"model": self.model, **asked}
        named = {"algorithm.learning_rate": self.learning_rate, "algorithm.batch_size": self.batch_size}
        frame.change([*asked.items(), *((path, value) for path, value in named.items() if value is not None)])
        return self._until(frame)

    def _until(self, frame: Frame) -> Frame:
        ends = [{"name": name, "count": getattr(self, name)} for name in ("epochs", "steps")]
        ends = [end for end in ends if end["count"] is not None] or [dict(frame.settings["algorithm"]["until"])]
        if self.minutes is not None:
            ends.append({"name": "minutes", "count": self.minutes})
        if self.early_stopping is not None:
            ends.append({"name": "plateau", "patience": self.early_stopping})
        return frame.set("algorithm.until", ends[0] if len(ends) == 1 else {"name": "either", "several": ends})

    def _hear(self, report: Report) -> None:
        valid = {name: score.value for name, score in (report.scores or {}).items()}
        self.history_.append({"step": report.step, "epoch": report.epoch, "losses": report.losses, "valid": valid})
        if self.verbose and valid:
            told = [f"{name} {value:.4g}" for name, value in [*report.losses.items(), *list(valid.items())[:1]]]
            print(f"epoch {report.epoch:g}: {', '.join(told)}")

    @torch.inference_mode()
    def _predictions(self, X: Any) -> torch.Tensor:
        """What the function says about X, in its target's encoding, float64.

        Products of matrices of another size add up in another order: always TOGETHER rows are answered at a time, and rows with
        a text one by one, so that what is said of one does not depend on which others there are, not in the last bit.
        """
        check_is_fitted(self)
        f = self.function_
        asked = column_to_answer(self, X, self._named)
        view = Examples({"input": f.input.encode(f.column(asked)[0] if isinstance(asked, dict) else asked)})
        rows, together = len(view), TOGETHER if view.lengths is None else 1
        parts = []
        for index in torch.arange(-(-rows // together) * together).clamp(max=rows - 1).split(together):
            batch = over(view.gather(index), lambda t: t.to(f.device))
            batch["input"] = f.input.ready(batch["input"])
            parts.append(f.objective.predict(f.model, batch).cpu())
        return torch.cat(parts)[:rows].double()

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle made by others holds: the learned function as names, plain values and tensors in bytes."""
        state = dict(super().__getstate__())
        return {**state, "function_": packed(state["function_"])} if "function_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "function_" in state:
            state = {**state, "function_": unpacked(state["function_"], state["model"])}
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.three_d_array = True
        return tags

    def _more_tags(self) -> dict[str, Any]:
        """The same for scikit-learn 1.5."""
        return {"allow_nan": True}


@contextmanager
def traceless() -> Iterator[None]:
    """While it lasts, seeds and threads may be set; afterwards they are the caller's again. Fits of a process take turns."""
    cards = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with TURNS, torch.random.fork_rng(cards):
        threads = torch.get_num_threads()
        try:
            yield
        finally:
            torch.set_num_threads(threads)
