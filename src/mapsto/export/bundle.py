"""A model is a folder: what it is, its weights, its domains, and a card; written at once, verified when read.

config.json          names and plain values: model, objective, problem, which weights are where, measured scores
model.safetensors    the weights of the best validation exam        last.safetensors   those of the last step
domains.json         what the input and output domain learned       README.md, manifest.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from mapsto.core import names
from mapsto.core.disk import standing
from mapsto.core.errors import BadInput, Damaged, UnknownName
from mapsto.core.nouns import Domain, Objective
from mapsto.core.state import read_folder, write_folder
from mapsto.export.card import model_card
from mapsto.export.function import Function
from mapsto.learner import place

FORMAT = 1
OWN = "your-own"


def save(
    path: Path,
    model: nn.Module,
    weights: dict[str, dict[str, Tensor]],
    objective: Objective,
    input: Domain,
    target: Domain,
    about: dict[str, Any],
) -> None:
    """Write a model folder. `weights` has "best" and perhaps "last"; `about` is plain values: scores, data, versions."""
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
            {n: t.detach().cpu().contiguous().clone() for n, t in weights[which].items()}
        )
    write_folder(path, files)


def load(path: Path | str, model: nn.Module | None = None, weights: str = "best", device: str = "cpu") -> Function:
    """The learned function in a run or model folder.

    model: your own module, built as it was, where the run trained one. weights: "best" or "last".
    Raises BadInput where there is no model, Damaged where its files are not what was written.
    """
    folder = Path(path)
    model_folder = standing(folder / "model")
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
    config, domains = _json(files, "config.json", folder), _json(files, "domains.json", folder)
    if config.get("format", 0) > FORMAT:
        raise BadInput(f"{folder} was made by mapsto {config.get('mapsto')}, whose format is newer.", "Upgrade mapsto.")
    if weights not in config["weights"]:
        raise BadInput(f"{folder} has no '{weights}' weights.", f"There are: {', '.join(config['weights'])}.")
    if model is None and config["model"]["name"] == OWN:
        raise BadInput(
            f"this run trained your own module {config['model']['class']}, whose code is not in the folder.",
            f"Build it and hand it over: mapsto.load({str(path)!r}, model={config['model']['class']}(…)).",
        )
    try:
        model = model or names.build("model", config["model"])
        place.fill(model, safetensors.torch.load(files[config["weights"][weights]]))
        objective = names.build("objective", config["objective"])
        ends = [
            names.build("domain", domains[e]["spec"]).load_state_dict(domains[e]["state"]) for e in ("input", "target")
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{folder}: its files do not describe a model ({type(error).__name__}: {error}).") from error
    return Function(model.to(torch.device(device)), objective, *ends, about=config)


def _json(files: dict[str, bytes], name: str, folder: Path) -> dict[str, Any]:
    try:
        return json.loads(files[name])
    except (KeyError, ValueError) as error:
        raise Damaged(f"{folder / name}: missing from the manifest, or not JSON.") from error
