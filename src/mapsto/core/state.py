"""State that outlives a process: tensors as safetensors, the rest as JSON, a manifest over both; never a pickle.

A folder is written all at once (core/disk.py), and read only if its manifest is what was written and every file has the
size and the sha256 that the manifest states.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import safetensors.torch
import torch
from torch import Tensor

from mapsto.core import devices, tensors
from mapsto.core.disk import replace_folder
from mapsto.core.errors import Damaged
from mapsto.core.hints import WHOLE
from mapsto.core.reading import JSON_BYTES, RESTORE, parse_json, read_file
from mapsto.core.text import clean, few

MANIFEST = "manifest.json"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,98}")  # file names that a manifest may list


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


def unpack(files: dict[str, bytes], where: str = "a checkpoint") -> Any:
    """Undo `pack`. Damaged, with `where`, for anything that `pack` does not write."""
    if files.keys() != {"state.json", "tensors.safetensors"}:
        raise Damaged(f"{where}: no checkpoint; it holds {few(files) or 'nothing'}.", RESTORE, "M006")
    stored = tensors.load(files["tensors.safetensors"], f"{where}/tensors.safetensors")

    def fill(node: Any) -> Any:
        match node:
            case {"tensor": str(path), **rest} if not rest and path in stored:
                return stored[path]
            case {"dict": dict(content), **rest} if not rest:
                return {key: fill(value) for key, value in content.items()}
            case {"list": list(content), **rest} if not rest:
                return [fill(value) for value in content]
            case {"value": None | bool() | int() | float() | str() as content, **rest} if not rest:
                return content
        raise Damaged(f"{where}: state.json does not say what a run remembers.", RESTORE, "M006")

    return fill(parse_json(files["state.json"], f"{where}/state.json", finite=False))  # a best score may be −∞


def odd(mine: Any, saved: Any, path: str = "") -> str:
    """Where a saved state is not of the form of the present one, which it is to take the place of; "" where it is.

    Dicts have the same keys, lists the same length, tensors shape and dtype; whole numbers are 0 or more. What is empty or
    None now may have been filled then: with what, its owner must see to.
    """
    if isinstance(mine, dict) and isinstance(saved, dict):
        apart = mine.keys() ^ saved.keys() if mine else set()
        found = [f"{path}/{clean(key, 60)}" for key in sorted(apart)]
        found = found or [odd(mine[key], saved[key], f"{path}/{key}") for key in mine]
        return next(filter(None, found), "")
    if isinstance(mine, list | tuple) and isinstance(saved, list) and len(saved) == (len(mine) or len(saved)):
        return next(
            filter(None, (odd(a, b, f"{path}/{i}") for i, (a, b) in enumerate(zip(mine, saved, strict=False)))), ""
        )
    if isinstance(mine, Tensor) and isinstance(saved, Tensor):
        return "" if (mine.shape, mine.dtype) == (saved.shape, saved.dtype) else path
    if isinstance(saved, dict | list) or (type(saved) is int and not 0 <= saved <= WHOLE):
        return path
    alike = type(mine) is type(saved) or (type(mine) is float and type(saved) is int)
    return "" if alike or (mine is None and not isinstance(saved, Tensor)) else path


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
    """The files of a folder and its manifest. Damaged where one is absent, changed, or nothing that mapsto writes."""
    path = Path(path)
    stated, manifest = read_manifest(path)
    if sum(length for length, _ in stated.values()) > devices.memory():
        raise Damaged(
            f"{path}: its files are larger than the memory here ({devices.memory():,} bytes).", RESTORE, "M007"
        )
    files = {}
    for name, (length, sha256) in stated.items():
        if only and name not in only:
            continue
        data = read_file(path / name, length)
        if len(data) != length or hashlib.sha256(data).hexdigest() != sha256:
            raise Damaged(
                f"{path / name}: not the file that was written (sha256 or size differs from the manifest).",
                RESTORE,
                "M003",
            )
        files[name] = data
    return files, manifest


def read_manifest(path: Path) -> tuple[dict[str, tuple[int, str]], dict[str, Any]]:
    """What the manifest of a folder says: name → size and sha256 of its files; and all of it. Damaged where it does not hold."""
    written = read_file(path / MANIFEST, JSON_BYTES)
    manifest = parse_json(written, str(path / MANIFEST))
    if not sealed(written):
        raise Damaged(
            f"{path / MANIFEST}: not the manifest that was written (its own sha256 differs).", RESTORE, "M002"
        )
    return _stated(manifest, path), manifest


def _stated(manifest: Any, path: Path) -> dict[str, tuple[int, str]]:
    """Name → size and sha256, of the files that a manifest lists."""
    match manifest:
        case {"files": dict(files)}:
            pass
        case _:
            raise Damaged(f"{path / MANIFEST}: it does not say which files there are.", RESTORE, "M002")
    stated = {}
    for name, about in files.items():
        if not PLAIN.fullmatch(name):
            raise Damaged(
                f"{path / MANIFEST}: it names '{clean(name, 60)}', which is no plain file name of mapsto's.",
                RESTORE,
                "M002",
            )
        match about:
            case {"size": int(size), "sha256": str(sha256)} if not isinstance(size, bool) and size >= 0:
                stated[name] = size, sha256
            case _:
                raise Damaged(f"{path / MANIFEST}: it does not say what {name} holds.", RESTORE, "M002")
    return stated


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
