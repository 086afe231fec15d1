"""A model is a folder: what it is, its weights, its domains, and a card; written at once, verified when read.

config.json          names and plain values: model, objective, problem, which weights are where, measured scores
model.safetensors    the weights of the best validation exam        last.safetensors   those of the last step
domains.json         what the input and output domain learned       README.md, manifest.json
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import safetensors.torch
import torch
from torch import Tensor, nn

from mapsto.core import names, tensors
from mapsto.core.ceiling import Ceiling
from mapsto.core.disk import standing
from mapsto.core.errors import BadInput, Damaged, FrameError, MapstoError, UnknownName
from mapsto.core.hints import Unfit, fitted
from mapsto.core.nouns import Domain, Objective
from mapsto.core.reading import RESTORE, parse_json
from mapsto.core.state import read_folder, write_folder
from mapsto.core.text import clean, few
from mapsto.domains.categories import Categories
from mapsto.domains.category import Category
from mapsto.domains.filled import Filled
from mapsto.domains.image import Image
from mapsto.domains.number import Number
from mapsto.domains.row import Row
from mapsto.domains.tags import Tags
from mapsto.domains.text import Text
from mapsto.export.card import model_card
from mapsto.export.function import Function
from mapsto.layers.lora import merged
from mapsto.learner import place
from mapsto.learner.race import LAYOUT

FORMAT = 1
FILES = ("config.json", "domains.json", "model.safetensors", "last.safetensors", "README.md")
OWN = "your-own"
LARGEST = 2**26  # numbers of one input: a picture of 4,700 × 4,700 in colour
TARGETS = {
    "regression": Number,
    "classification": Category,
    "multi-label": Categories,
    "tagging": Tags,
    "language-model": Text,
    "fill-in": Filled,
    "generation": Image,
    "translation": Text,
}


class Reading(TypedDict, total=False):
    """How the data of training were read: the arguments of `data.read.read`."""

    columns: list[str]
    encoding: str
    separator: str
    formats: dict[str, str]


class Named(TypedDict):
    name: str


class Config(TypedDict):
    """config.json, as far as anything reads it again."""

    format: int
    model: Named
    objective: Named
    weights: dict[str, str]
    mapsto: NotRequired[str]
    reading: NotRequired[Reading]
    data: NotRequired[str]
    target_name: NotRequired[str]
    input_name: NotRequired[str]
    targets: NotRequired[str | list[str] | None]
    window: NotRequired[int]


class End(TypedDict):
    """One domain: its constructor's arguments, and what it learned."""

    spec: Named
    state: dict[str, Any]


class Ends(TypedDict):
    """domains.json."""

    input: End
    target: End


def save(
    path: Path,
    model: nn.Module,
    weights: dict[str, dict[str, Tensor]],
    objective: Objective,
    input: Domain,
    target: Domain,
    about: dict[str, Any],
) -> None:
    """Write a model folder. `weights` has "best" and perhaps "last", into which adapters are merged; `about` is plain values:
    scores, data, versions."""
    try:
        written = names.spec(model)
    except UnknownName:
        written = {"name": OWN, "class": type(model).__qualname__}
    config = {
        "format": FORMAT,
        **about,
        "problem": objective.problem,
        "model": written,
        "objective": names.spec(objective),
        "weights": {"best": "model.safetensors"} | ({"last": "last.safetensors"} if "last" in weights else {}),
    }
    domains = {
        name: {"spec": names.spec(d), "state": d.state_dict()} for name, d in (("input", input), ("target", target))
    }
    files = {
        "config.json": json.dumps(config, indent=1, ensure_ascii=False).encode(),
        "domains.json": json.dumps(domains, ensure_ascii=False).encode(),
        "README.md": model_card(config, input, target).encode(),
    }
    for which, file in config["weights"].items():
        files[file] = safetensors.torch.save(
            {n: t.detach().cpu().contiguous().clone() for n, t in merged(weights[which]).items()}
        )
    write_folder(path, files)


def load(path: Path | str, model: nn.Module | None = None, weights: str = "best", device: str = "cpu") -> Function:
    """The learned function in a run or model folder.

    model: your own module, built as it was, where the run trained one. weights: "best" or "last".
    Raises BadInput where there is no model, Damaged where its files are not what was written.
    """
    folder = Path(path)
    model_folder = standing(folder / "model")
    if model_folder.is_symlink():
        raise Damaged(f"{model_folder}: a link, where a folder belongs.", "Name the folder itself.", "M001")
    folder = model_folder if (model_folder / "config.json").exists() else standing(folder)
    if not (folder / "config.json").exists():
        if (folder / "frame.toml").exists():
            raise BadInput(
                f"{path} has no model yet: its training has not ended.", f"Continue it: mapsto resume {path}"
            )
        raise BadInput(
            f"no model in {path}: expected {folder / 'config.json'}.",
            "Name a run folder whose training has ended (`mapsto runs` lists them), or a model folder.",
        )
    files, _ = read_folder(folder)
    for name in files.keys() - set(FILES):
        raise Damaged(f"{folder}: the manifest names {name}, which is no part of a model.", RESTORE, "M002")
    config, domains = (
        _table(files, name, hint, folder) for name, hint in (("config.json", Config), ("domains.json", Ends))
    )
    if config["format"] > FORMAT:
        made_by = clean(config.get("mapsto", "a newer version"), 40)
        raise BadInput(f"{folder} was made by mapsto {made_by}, whose format is newer.", "Upgrade mapsto.", "M008")
    if config["weights"].get(weights) not in files:
        raise BadInput(f"{folder} has no '{weights}' weights.", f"There are: {few(config['weights']) or 'none'}.")
    if model is None and config["model"]["name"] == OWN:
        name = clean(str(config["model"].get("class")), 200)
        raise BadInput(
            f"this run trained your own module {name}, whose code is not in the folder.",
            f"Build it and hand it over: mapsto.load({str(path)!r}, model={name}(…)).",
        )
    file = config["weights"][weights]
    held = tensors.header(files[file], str(folder / file))
    numbers = sum(math.prod(entry.shape) for entry in held.values())
    try:
        with Ceiling(2 * len(held) + 100, 2 * numbers + 1_000_000, f"its weights hold {numbers:,} numbers"):
            built = model if model is not None else names.build("model", config["model"])
            objective = names.build("objective", config["objective"])
            input, target = (names.build("domain", domains[end]["spec"]) for end in ("input", "target"))
        place.lay_out(
            built.parameters(), LAYOUT
        )  # as it stood when it was examined, so that it gives the same to the last digit
        place.fill(built, tensors.load(files[file], str(folder / file)))
        for end, domain in (("input", input), ("target", target)):
            _rehearse(domain.load_state_dict(domains[end]["state"]))
        if model is None:
            _check_ends(built, objective, input, target)
    except MapstoError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {clean(str(error), 200)}"
        raise Damaged(f"{folder}: its files do not describe a model ({why}).", RESTORE, "M006") from error
    return Function(built.to(torch.device(device)), objective, input, target, about=config)


def _rehearse(domain: Domain) -> None:
    """Have a domain read made-up values and give them back, since what it learned may have been written by anybody.

    Raises whatever happens; a MapstoError is an answer, and does not count.
    """
    if isinstance(domain, Row):
        for column in domain.columns.values():
            _rehearse(column)
    elif not isinstance(domain.shape, dict) and math.prod(domain.shape) > LARGEST:
        raise FrameError(
            f"a {type(domain).__name__} of shape {clean(str(domain.shape), 60)} is too large.", code="M007"
        )
    with suppress(MapstoError):
        encoded = domain.encode(type(domain).examples(2, seed=0))
        domain.decode(encoded)
        ready = domain.ready(encoded)
        if isinstance(ready, Tensor) and not isinstance(domain, Category) and ready.shape[1:] != domain.shape:
            raise ValueError(f"{type(domain).__name__} makes {list(ready.shape[1:])} of what is {list(domain.shape)}")
        domain.decode(ready)
    domain.describe()


def _check_ends(model: nn.Module, objective: Objective, input: Domain, target: Domain) -> None:
    """FrameError where the parts of a model folder are not those of one function."""
    if names.plain(model.inputs) != names.plain(input.shape):
        raise FrameError(
            f"the model takes {clean(str(model.inputs), 80)}, but the input domain gives {input.shape}.", code="M006"
        )
    if not isinstance(target, TARGETS[objective.problem]) or names.plain(model.outputs) != names.plain(target.outputs):
        raise FrameError(
            f"the model's {model.outputs} outputs are not {objective.problem} of {target.describe()}.", code="M006"
        )


def _table(files: dict[str, bytes], name: str, hint: Any, folder: Path) -> Any:
    if name not in files:
        raise Damaged(f"{folder / name}: missing from the manifest.", RESTORE, "M002")
    try:
        return fitted(parse_json(files[name], str(folder / name)), hint)
    except Unfit as error:
        raise Damaged(f"{folder / name}: {error}.", RESTORE, "M006") from error
