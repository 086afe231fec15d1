"""The frame: a task as a learning problem, with its four components proposed, to be seen and changed before anything is fitted."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from mapsto.core import devices, names, world
from mapsto.core.ceiling import Ceiling
from mapsto.core.errors import DataError, FrameError
from mapsto.core.faults import Faults, refusal, worst_first
from mapsto.core.nouns import Algorithm, Data, Finding, Objective, Raw
from mapsto.core.text import clean
from mapsto.data.dataset import Dataset
from mapsto.data.shards import default_grant
from mapsto.framing import mistakes
from mapsto.framing import settings as written
from mapsto.framing.acting import prepare_world, world_of, world_settings
from mapsto.framing.check import check
from mapsto.framing.fill_in import prepare_fill_in
from mapsto.framing.generation import of_pictures, prepare_generation
from mapsto.framing.judging import judge_of
from mapsto.framing.language import BY_PLACE, WINDOW, by_line, of_text_alone, prepare_text
from mapsto.framing.links import BY_EDGE, of_edges, prepare_links
from mapsto.framing.mistakes import GIVEN, OWN
from mapsto.framing.prepare import Prepared, prepare
from mapsto.framing.price import Price, price
from mapsto.framing.propose import Proposal, propose
from mapsto.framing.sharded import opened, spoiled
from mapsto.framing.start import Start
from mapsto.framing.target import MISSING_TARGETS, likely_target
from mapsto.learner.learner import Learner, initialised

NOUNS = {
    "model": "model",
    "objective": "objective",
    "experience": "experience",
    "update": "update",
    "until": "until",
    "optimizer": "optimizer",
    "schedule": "schedule",
}
SPLIT = {
    "test": 0.2,
    "valid": 0.16,
    "seed": 0,
    "folds": 0,
    "fold": 0,
    "alone": False,
    "share": 0.0,
    "column": "",
    "group": "",
    "time": "",
}
DATA = {
    "test": "",
    "kinds": {},
    "given": "",
    "size": [],
    "text": {},
    "missing_targets": MISSING_TARGETS,
    "drop_unseen": False,
}
RUN = {"seed": 0, "device": "auto", "start": "", "judge": ""}
ASKED = {
    "fill-in": prepare_fill_in,
    "generation": prepare_generation,
}  # problems that an objective asks for, not a target
DRAWS = "denoising"  # what learns to draw the pictures of a target, where nobody says
TENSORS = 5000  # that a model may have
COPIES = 6 * 4  # bytes: of each number of a model, its gradient, two moments, the best and the last weights, in float32


class Frame:
    """Data | model | objective | algorithm for one task. Print it for its card; change it, then `train` or `learner()`.

        frame = mapsto.frame("housing.csv", target="median_house_value")
        frame.model.width = 64                      # a setting
        frame.set("algorithm.lr", 0.01)             # the same by path, as --set does
        frame.model = MyNet()                       # any nn.Module from the ready input to what the objective reads

    raw: what the source gave; exam: a separate test, if any. given: written settings, complete or partial, that overrule.
    """

    def __init__(
        self,
        raw: Raw,
        exam: Raw | None = None,
        data: dict[str, Any] | None = None,
        seed: int = 0,
        device: str = "auto",
        complete: dict[str, Any] | None = None,
    ):
        self._raw, self._exam = raw, exam
        begun = complete or {
            "data": {"source": raw.name, "target": raw.target, **(data or {})},
            "run": {"seed": seed, "device": device},
        }
        self._base = {**begun, "data": {**DATA, **begun["data"]}, "run": {**RUN, **begun["run"]}}
        alone = of_text_alone(raw, self._base["data"].get("target"))
        self._base["data"]["split"] = {
            **SPLIT,
            **(BY_PLACE if alone else BY_EDGE if of_edges(raw, self._base["data"].get("target")) else {}),
            **self._base["data"].get("split", {}),
        }
        self._opens = alone and "window" not in self._base["data"]  # whether nobody has said how much is seen at once
        if alone:
            self._base["data"].setdefault("window", WINDOW)
        if raw.world is not None:
            self._base["data"].setdefault("world", world_settings(raw))
        if raw.shards is not None:  # a setting, since the order of rows follows from it
            self._base["data"].setdefault("resident", max(1, default_grant() >> 20))
        self._whole = complete is not None  # every setting, from a frame.toml: nothing is proposed
        self.faults = Faults()  # settings that `change` met and that are none
        self._overrides: dict[str, Any] = {}
        self._own: nn.Module | None = None
        self._prepared: tuple[str, Prepared] | None = None
        self._checked: tuple[Prepared, list[Finding]] | None = None
        self._start: Start | None = None
        self._composed: dict[str, Any] | None = None
        self.proposal: Proposal | None = None

    # -- seeing and changing -------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting as plain values: what frame.toml holds."""
        if self._composed is None:
            self._composed = self._compose()
        return self._composed

    def set(self, path: str, value: Any) -> Self:
        """Change one setting by its dotted path; UnknownName offers the nearest. Returns the frame."""
        before = self._overrides
        self._overrides = {**before, path: names.plain(value)}
        self._composed = None
        try:
            _ = self._of_data() if _is_of_data(path) else self.settings
        except Exception:
            self._overrides, self._composed = before, None
            raise
        return self

    def change(self, changes: Iterable[tuple[str, Any]]) -> Self:
        """Several settings, (path, value) each. Those that are none are noted in `faults`, and refused with all else that
        is wrong by `refuse`, `learner` and `train`."""
        for path, value in sorted(changes, key=_turn):
            with self.faults.noting():
                try:
                    self.set(path, value)
                except DataError:
                    # the data lack what is asked for: that they are refused for, and not as if nobody had asked
                    self._overrides = {**self._overrides, path: names.plain(value)}
                    raise
        return self

    @property
    def data(self) -> Part:
        return Part(self, "data")

    @property
    def model(self) -> Part:
        return Part(self, "model")

    @model.setter
    def model(self, model: nn.Module | dict[str, Any]) -> None:
        self._replace("model", model)

    @property
    def objective(self) -> Part:
        return Part(self, "objective")

    @objective.setter
    def objective(self, objective: Objective | dict[str, Any]) -> None:
        self._replace("objective", objective)

    @property
    def algorithm(self) -> Part:
        return Part(self, "algorithm")

    @algorithm.setter
    def algorithm(self, algorithm: Algorithm) -> None:
        for part in ("experience", "update", "until"):
            self.set(f"algorithm.{part}", names.spec(vars(algorithm)[part]))

    def _replace(self, path: str, thing: Any) -> None:
        if path == "model" and isinstance(thing, nn.Module):
            self._own, self._composed = thing, None
            return
        self.set(path, thing if isinstance(thing, dict) else names.spec(thing))

    def toml(self) -> str:
        return written.dumps(self.settings)

    def __str__(self) -> str:
        from mapsto.framing.card import text

        return text(self)

    def __repr__(self) -> str:
        return f"<frame of {self.settings['data']['source']}: print it to see its card>"

    def _repr_html_(self) -> str:
        from mapsto.framing.card import html

        return html(self)

    # -- putting together ----------------------------------------------------------------------------------------------

    @property
    def prepared(self) -> Prepared:
        """The encoded data under the present `data` settings."""
        return self._prepare(self.settings["data"])

    @property
    def findings(self) -> list[Finding]:
        """Everything there is to say about the data, worst first; and the settings that are none."""
        found = Faults(self.faults)
        with found.noting():
            ready = self.prepared
            if self._checked is None or self._checked[0] is not ready:
                self._checked = (ready, check(ready))
            found.extend(self._checked[1])
        return worst_first(found)

    def check(self) -> list[Finding]:
        """`findings`, and whatever else would keep `learner` from composing the components."""
        found = Faults(self.findings)
        with found.noting():
            if self._raw.shards is not None:
                found.extend(spoiled(self._raw))
            twin = self._twin()
            if twin.settings["algorithm"].get("update", {}).get("learning_rate") == "auto":
                twin.set("algorithm.lr", 1e-3)
            twin.learner()
        return worst_first(found)

    def refuse(self) -> None:
        """Raise one BadInput with all findings of level error, where there is one."""
        Faults(self.check()).refuse()

    def _prepare(self, data: dict[str, Any]) -> Prepared:
        reads = {k: v for k, v in data.items() if k not in ("augment", "resident")}
        start, asked = self.start, self._framed_by(data)
        problem = names.find("objective", asked).problem if asked else None
        if start and data.get("text"):
            message = (
                f"how texts are cut was learned in {start.where}, but came data.text = {clean(repr(data['text']), 60)}."
            )
            raise FrameError(message, "Leave it out.", "F004")
        key = json.dumps([reads, start and start.where, asked], sort_keys=True, default=str)
        if self._prepared is None or self._prepared[0] != key:
            _check_size(data.get("size"), len(self._raw) + len(self._exam or ()))
            if self._raw.shards is None:
                alone = of_text_alone(self._raw, data.get("target"))
                raws = (self._raw, self._exam)
                if problem == "fill-in" and alone:
                    raws = (by_line(raw) if raw is not None else None for raw in raws)
                links = of_edges(self._raw, data.get("target"))
                of_asked = partial(ASKED[problem], objective=asked) if problem in ASKED else None
                how = prepare_links if links else of_asked or (prepare_text if alone else prepare)
                how = prepare_world if self._raw.world is not None else how
                self._prepared = (key, how(*raws, data, start and start.input))
            else:
                _refuse_of_shards(start, bool(asked))
                self._prepared = (key, opened(self._raw, data, {**DATA, "split": SPLIT}))
        return self._prepared[1]

    @property
    def start(self) -> Start | None:
        """What the run goes on from; None where from nothing."""
        return self._begun(self._of_data()["run"]["start"])

    def _begun(self, where: str) -> Start | None:
        if where and (self._start is None or self._start.where != where):
            self._start = Start.of(where)
        return self._start if where else None

    def _framed_by(self, data: dict[str, Any]) -> str:
        """The objective that says what is to be learned, by its name; "" where the target says it."""
        asked = [value for path, value in self._overrides.items() if path in ("objective", "objective.name")]
        said = asked[-1] if asked else self._base.get("objective")
        word = said["name"] if isinstance(said, dict) else said
        if word is None:
            return DRAWS if of_pictures(self._raw, likely_target(self._raw, data.get("target"))) else ""
        objective = names.find("objective", word)
        return names.name_of(objective) if objective.problem in ASKED else ""

    def _of_data(self) -> dict[str, Any]:
        """The settings before anything is proposed, with what was changed in [data] and [run]."""
        mine = copy.deepcopy(self._base)
        for path, value in self._overrides.items():
            if _is_of_data(path):
                _put(mine, path, value)
        mistakes.in_data(mine).refuse()
        if self._opens and "data.window" not in self._overrides and (start := self._begun(mine["run"]["start"])):
            mine["data"]["window"] = min(WINDOW, start.context or WINDOW)
        return mine

    def _compose(self) -> dict[str, Any]:
        mine = self._of_data()
        changes = {path: value for path, value in self._overrides.items() if not _is_of_data(path)}
        devices.pick(mine["run"]["device"])  # one that is not here is refused before anything is proposed
        if not self._whole:
            whole = changes.get("model")
            settled = changes.pop("model.name", None) or (whole["name"] if isinstance(whole, dict) else whole)
            drawn = changes.get("algorithm.experience.name") or changes.get("algorithm.experience", "")
            self.proposal = propose(
                self._prepare(mine["data"]),
                settled,
                own=self._own is not None,
                start=self.start,
                experience=str(drawn.get("name", "") if isinstance(drawn, dict) else drawn),
            )
            mine["data"]["augment"] = self.proposal.augment
            mine |= {
                "model": self.proposal.model,
                "objective": self.proposal.objective,
                "algorithm": self.proposal.algorithm,
            }
        for path, value in changes.items():
            _put(mine, path, value)
        if self._own is not None:
            mine["model"] = {"name": OWN, "class": type(self._own).__qualname__}
        return mine

    def components(self) -> tuple[Data, nn.Module, Objective, Algorithm]:
        """The four nouns, new ones at each call; the model's first weights follow from the seed.

        Refuses everything that is wrong with the data and the settings, in one BadInput.
        """
        now, ready = self.settings, self.prepared
        found = Faults([*self.faults, *ready.findings, *mistakes.in_components(now)])
        device = devices.pick(now["run"]["device"])
        with found.noting():
            objective = names.build("objective", now["objective"])
            if objective.problem != ready.problem:
                raise FrameError(
                    f"{now['objective']['name']} is for {objective.problem}, but this is {ready.problem}.",
                    f"Use {propose(ready).objective['name']}, or overrule the target's kind.",
                    "F004",
                )
        with found.noting():
            if now["run"]["judge"]:
                judge_of(now["run"]["judge"])
        with found.noting():
            model = self._model(now, ready)
        found.refuse()
        augment = [names.build("augmentation", a) for a in now["data"].get("augment", [])]
        if ready.raw.world is not None:
            data: Data = world_of(ready.raw, now["data"], device)
        else:
            views = ready.views(device, now["data"].get("resident", 0) << 20)
            data = Dataset(**views, input=ready.input, target=ready.target, augment=augment, device=device)
        return data, model, objective, Algorithm(**{k: names.build(k, v) for k, v in now["algorithm"].items()})

    def built(self) -> nn.Module:
        """A model like the learner's, with its first weights."""
        return self._model(self.settings, self.prepared)

    def _model(self, now: dict[str, Any], ready: Prepared) -> nn.Module:
        if self._own is not None:
            return copy.deepcopy(self._own)
        if now["model"].get("name") == OWN:
            raise FrameError(
                f"this frame is for your own module {now['model'].get('class')}.",
                "Hand it over: frame.model = MyNet(…)",
                "F007",
            )
        ends = {
            "inputs": ready.input.shape,
            "outputs": ready.target.outputs,
        }
        here = devices.memory()
        with Ceiling(TENSORS, here // COPIES, f"this machine has {here / 2**30:.1f} GiB of memory for it"):
            model = initialised(partial(names.build, "model", {**now["model"], **ends}), now["run"]["seed"])
        return self.start.hand_over(model, ready.target) if self.start else model

    def learner(self) -> Learner:
        """The four components composed, ready to `fit`. Settles a learning rate of "auto" first."""
        world.join(devices.pick(self.settings["run"]["device"]))
        self._settle_rate()
        run, clash = self.settings["run"], Faults()
        with clash.noting():
            return Learner(*self.components(), seed=run["seed"], device=run["device"])
        raise refusal(clash)

    def _settle_rate(self) -> None:
        update = self.settings["algorithm"]["update"]
        if isinstance(update, dict) and update.get("learning_rate") == "auto":
            from mapsto.framing.rate import range_test

            with world.alone():
                self.set("algorithm.lr", range_test(self._twin().set("algorithm.lr", 1e-3).learner()))

    def _twin(self) -> Frame:
        """A frame over the same data, whose settings are its own."""
        twin = copy.copy(self)
        twin._overrides, twin.faults = {**self._overrides}, Faults(self.faults)
        return twin

    def fold(self, number: int) -> Frame:
        """This frame for one of its folds alone, counted from 0: an ordinary run."""
        return self._twin().set("data.split.fold", number).set("data.split.alone", True)

    def price(self) -> Price:
        with world.alone():
            learner = self.learner()
            with torch.random.fork_rng():
                return price(learner, [learner.data.train, learner.data.valid, learner.data.test])

    def train(self, run: str | Path | None = None, **how: Any) -> Any:
        """Learn, judge, and keep: a run folder with the function, its verdict and a report. See `framing/train.py`."""
        from mapsto.framing.train import train

        return train(self, run, **how)


class Part:
    """One component's settings by attribute: `frame.model.width`, `frame.algorithm.update.learning_rate = 0.01`."""

    def __init__(self, frame: Frame, path: str):
        object.__setattr__(self, "_at", (frame, path))

    def _table(self) -> dict[str, Any]:
        frame, path = self._at
        here = frame.settings
        for word in path.split("."):
            here = here[word]
        return here

    def __getattr__(self, word: str) -> Any:
        frame, path = self._at
        if word.startswith("_"):
            raise AttributeError(word)
        owner, key = written.resolve(frame.settings, f"{path}.{word}")
        return Part(frame, f"{path}.{word}") if isinstance(owner[key], dict) else owner[key]

    def __setattr__(self, word: str, value: Any) -> None:
        frame, path = self._at
        frame.set(f"{path}.{word}", value)

    def __repr__(self) -> str:
        return repr(self._table())


def _check_size(size: list[int] | None, rows: int) -> None:
    """FrameError where pictures of that size would not fit into memory."""
    if not size:
        return
    if len(size) != 2 or any(type(side) is not int or side < 1 for side in size):
        raise FrameError(f"data.size is [height, width] in pixels, but came {clean(repr(size), 60)}.", code="F003")
    needed = 3 * rows * size[0] * size[1]
    if needed > devices.memory():
        raise FrameError(
            f"{rows:,} pictures of {size[0]:,} × {size[1]:,} pixels need {needed / 2**30:,.0f} GiB, and this machine has "
            f"{devices.memory() / 2**30:.1f}.",
            "Make data.size smaller, or leave it out.",
            "F008",
        )


def _refuse_of_shards(start: Start | None, asked: bool) -> None:
    if start or asked:
        raise FrameError(
            "what a folder of shards is read with, and for what, was settled when it was written.",
            "Name the data that it was written from.",
            "F004",
        )


def _is_of_data(path: str) -> bool:
    """Whether the components are proposed after this setting, and may follow from it."""
    return path.split(".")[0] in ("data", "run") and not path.startswith("data.augment")


def _turn(change: tuple[str, Any]) -> int:
    """When a setting is made, of several: what the data are asked for before what learns it, and a model, which brings its own
    settings, before those."""
    path = change[0]
    if _is_of_data(path):
        return 0
    return 1 if path in ("objective", "objective.name") else 2 if path == "model.name" else 3


def _put(table: dict[str, Any], path: str, value: Any) -> None:
    """Write one setting. A noun is replaced whole by its name (`algorithm.update.optimizer=sgd`, or `….name=sgd`)."""
    if path in ("model", "objective"):
        value = value if isinstance(value, dict) else {"name": value}
        table[path] = names.complete(
            path, {k: v for k, v in value.items() if k not in GIVEN}, without=GIVEN if path == "model" else ()
        )
        return
    owner, key = written.resolve(table, path)
    parent = written.words(path)[-2]
    if key == "name" and parent in NOUNS:
        fresh = names.complete(NOUNS[parent], {"name": value}, without=GIVEN)
        owner.clear()
        owner.update(fresh)
        return
    if key in NOUNS and isinstance(value, str | dict):
        value = names.complete(NOUNS[key], value if isinstance(value, dict) else {"name": value}, without=GIVEN)
    if isinstance(owner.get(key), dict) and not isinstance(value, dict):
        raise FrameError(
            f"'{path}' is a table of settings, but came {value!r}.",
            f"It holds: {', '.join(owner[key]) or 'nothing'}.",
            "F003",
        )
    owner[key] = value
