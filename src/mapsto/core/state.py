"""State that outlives a process: tensors as safetensors, the rest as JSON, a manifest over both; never a pickle.

A folder is written all at once (core/disk.py), and read only if its manifest is what was written and every file has the
size and the sha256 that the manifest states.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import safetensors.torch
import torch
from torch import Tensor

from mapsto.core.disk import replace_folder
from mapsto.core.errors import Damaged

MANIFEST = "manifest.json"


class Stateful:
    """Has a `state_dict` of the attributes it `remembers`: JSON values, tensors, or dicts and lists of them."""

    remembers: ClassVar[tuple[str, ...]] = ()

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.remembers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in self.remembers:
            setattr(self, name, state[name])


def pack(state: Any) -> dict[str, bytes]:
    """A tree of JSON values and tensors → the bytes of state.json and tensors.safetensors."""
    tensors: dict[str, Tensor] = {}

    def strip(node: Any, path: str) -> Any:
        if isinstance(node, Tensor):
            tensors[path] = node.detach().cpu().contiguous()
            return {"tensor": path}
        if isinstance(node, dict):
            return {"dict": {key: strip(value, f"{path}/{key}") for key, value in node.items()}}
        if isinstance(node, list | tuple):
            return {"list": [strip(value, f"{path}/{i}") for i, value in enumerate(node)]}
        return {"value": node}

    tree = strip(state, "")
    # clones: safetensors refuses tensors that share storage (views of one flat buffer do)
    return {
        "state.json": json.dumps(tree, allow_nan=True).encode(),
        "tensors.safetensors": safetensors.torch.save({path: t.clone() for path, t in tensors.items()}),
    }


def unpack(files: dict[str, bytes]) -> Any:
    """Undo `pack`."""
    tensors = safetensors.torch.load(files["tensors.safetensors"])

    def fill(node: Any) -> Any:
        ((form, content),) = node.items()
        if form == "tensor":
            return tensors[content]
        if form == "dict":
            return {key: fill(value) for key, value in content.items()}
        if form == "list":
            return [fill(value) for value in content]
        return content

    return fill(json.loads(files["state.json"]))


def write_folder(path: Path, files: dict[str, bytes], about: dict[str, Any] | None = None) -> None:
    """Make folder `path` hold exactly `files` and a manifest, all at once. `about` goes into the manifest."""
    stated = {name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in files.items()}
    manifest = json.dumps({"format": 1, **(about or {}), "files": stated}, indent=1).encode()
    replace_folder(Path(path), {**files, MANIFEST: seal(manifest)})


def seal(manifest: bytes) -> bytes:
    """The JSON of an object, its own sha256 added as the last member."""
    return manifest[:-2] + f',\n "sha256": "{hashlib.sha256(manifest).hexdigest()}"\n}}'.encode()


def sealed(manifest: bytes) -> bool:
    """Whether this is what `seal` made, to the last byte."""
    return seal(manifest[: -len(seal(b"\n}"))] + b"\n}") == manifest


def read_folder(path: Path, only: tuple[str, ...] = ()) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a folder and its manifest. Damaged where one is absent, extra in the manifest, or changed."""
    path = Path(path)
    manifest = read_json(path / MANIFEST)
    if not sealed((path / MANIFEST).read_bytes()):
        raise Damaged(
            f"{path / MANIFEST}: not the manifest that was written (its own sha256 differs).",
            "Restore it from a copy, or train again.",
        )
    try:
        stated = {name: (about["size"], about["sha256"]) for name, about in manifest["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise Damaged(
            f"{path / MANIFEST}: it does not say which files there are, and what they hold.",
            "Restore it from a copy, or train again.",
        ) from error
    files = {}
    for name, (length, sha256) in stated.items():
        if Path(name).name != name or name in (".", ".."):
            raise Damaged(f"{path}: the manifest names '{name}', which is no plain file name.")
        if only and name not in only:
            continue
        try:
            data = (path / name).read_bytes()
        except OSError as error:
            raise Damaged(f"{path / name}: the manifest lists it, but it cannot be read ({error.strerror}).") from error
        if len(data) != length or hashlib.sha256(data).hexdigest() != sha256:
            raise Damaged(
                f"{path / name}: not the file that was written (sha256 or size differs from the manifest).",
                "Restore it from a copy, or train again.",
            )
        files[name] = data
    return files, manifest


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Damaged(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise Damaged(f"{path}: not JSON ({error}).") from error


def size(state: Any) -> int:
    """Bytes that its tensors take."""
    sizes: list[int] = []
    walk(state, lambda t: sizes.append(t.nbytes))
    return sum(sizes)


def to_device(state: Any, device: torch.device) -> Any:
    """The same tree with its tensors moved."""
    return walk(state, lambda t: t.to(device))


def walk(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {key: walk(value, change) for key, value in state.items()}
    if isinstance(state, list):
        return [walk(value, change) for value in state]
    return state
