"""Small good things that the harnesses of strangers' files spoil: model folders, a checkpoint, a frame.toml."""

import hashlib
import json
from pathlib import Path

import numpy as np

import mapsto
from mapsto.core import names, state
from mapsto.core.state import pack
from mapsto.domains import Category, Image, Number, Row
from mapsto.export import bundle
from mapsto.learner.learner import Learner

WOOD = np.array(["oak", "elm", "ash"] * 20, object)
LONG = np.linspace(-3, 7, 60)
SEEN = np.random.default_rng(0).integers(0, 255, (60, 8, 8), np.uint8)
ASKED = {"row": {"wood": "elm", "long": 1.5}, "picture": SEEN[0]}  # one raw input of each kind
MODELS = {
    "mlp": "row",
    "gradient-boosting": "row",
    "k-nearest": "row",
    "svm": "row",
    "conv-net": "picture",
    "res-net": "picture",
}
SMALL = {
    "mlp": {"width": 4, "norm": "batch", "waves": 2},
    "gradient-boosting": {"rounds": 2},
    "conv-net": {"width": 2, "depth": 1},
    "res-net": {"width": 2},
}


def model_folder(name: str, path: Path) -> dict[str, bytes]:
    """The files of a model folder but the manifest: an untrained model, or a solved one, over domains that have learned."""
    target = Category().fit(WOOD)
    if MODELS[name] == "row":
        values = {"wood": WOOD, "long": LONG}
        input = Row({"wood": Category(), "long": Number(clip=10.0)}).fit(values)
    else:
        input, values = Image().fit(SEEN), SEEN
    shape = names.plain(input.shape)
    model = names.build("model", {"name": name, "inputs": shape, "outputs": 3, **SMALL.get(name, {})})
    if name in ("gradient-boosting", "k-nearest", "svm"):
        model.solve({"input": input.encode(values), "target": target.encode(WOOD)}, "classification", 0)
    weights = {"best": dict(model.state_dict()), "last": dict(model.state_dict())}
    objective = names.build("objective", {"name": "cross-entropy"})
    about = {"mapsto": mapsto.__version__, "data": "wood.csv", "target_name": "wood", "reading": {"encoding": "utf-8"}}
    bundle.save(path, model, weights, objective, input, target, about)
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name != state.MANIFEST}


def table(path: Path) -> Path:
    """A CSV of 60 rows: two columns to learn a third from."""
    rows = [f"{w},{x:.3f},{'ab'[i % 2]}" for i, (w, x) in enumerate(zip(WOOD, LONG, strict=True))]
    path.write_text("wood,long,kind\n" + "\n".join(rows) + "\n")
    return path


def frame_toml(source: Path) -> str:
    return mapsto.frame(source, "kind", device="cpu").set("model.width", 4).toml()


def learner(source: Path) -> Learner:
    """One that has made 3 of its steps: it has moments, a best exam, and losses not yet told."""
    made = mapsto.frame(source, "kind", device="cpu").set("model.width", 4).learner()
    return made.fit(3)


def checkpoint(made: Learner) -> dict[str, bytes]:
    return pack(made.state_dict())


def manifest(files: dict[str, bytes], **change: object) -> bytes:
    """What a manifest says that vouches for these files, or says what a stranger had it say."""
    stated = {name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()}
    return state.seal(json.dumps({"format": 1, "files": stated, **change}, indent=1).encode())


def lay(folder: Path, files: dict[str, bytes], **change: object) -> None:
    """Write a folder of these files, with a manifest unless there is one among them."""
    folder.mkdir(parents=True)
    for name, data in {state.MANIFEST: manifest(files, **change), **files}.items():
        (folder / name).write_bytes(data)
