"""A stranger's model folder, checkpoint or frame.toml is loaded or refused, and does nothing else.

Each case is a good folder spoiled by one of the families below, as a seed has it. Cases run in a child process, since an
audit hook, once there, stays. It counts what a loader has no business with: code that comes to be run, modules imported,
processes, sockets, pickles, anything written, and any file opened outside the case's own folder. The control hands the
same cases to a loader as many are written, which asks the file what to import and unpickles what is no tensor.
"""

from __future__ import annotations

import ast
import codecs
import encodings
import functools
import gc
import importlib
import io
import json
import os
import pickle
import pkgutil
import random
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import spoiled
import tomli_w

import mapsto
from mapsto.core import devices, names
from mapsto.core.errors import MapstoError
from mapsto.core.state import seal, unpack
from mapsto.learner.run import Run

SRC = Path(__file__).parents[2] / "src"
A_CHILD = 1000  # cases
MACHINE = 64 << 20  # bytes of memory that the machine is said to have: what a frame.toml asks for is held against it
SECONDS = 20  # that a case may take before it counts as hanging
AT_REST, A_BYTE = 64 << 20, 30  # memory that may come on top while loading: so much, and so much a byte of the files

Files = dict[str, bytes]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured through Linux's /proc")
def test_a_strangers_file_is_loaded_or_refused_and_does_nothing_else(dose, counted):
    tried = dose(150, 5000)
    came, naive, wrong, grown = Counter(), 0, [], 0
    for seed in range(0, tried, A_CHILD):
        told = in_child(seed, min(A_CHILD, tried - seed))
        came.update(told["came"])
        wrong += told["wrong"]
        naive += sum(told["naive"].values())
        grown = max(grown, told["grown"])
        assert told["grown"] <= AT_REST + A_BYTE * told["bytes"], (
            f"{told['grown']:,} bytes for files of {told['bytes']:,}"
        )
    control = f"a loader that imports what a file names and unpickles the rest: ran code in {naive} of {tried}"
    more = {"loaded": came["loaded"], "refused": came["refused"], "peak_growth_MB": grown >> 20}
    counted("strangers", tried=tried, held=tried - len(wrong), control=control, **more)
    assert not wrong, "\n".join(wrong)
    assert naive >= tried / 20 and came["loaded"] and came["refused"], "a harness that sees nothing proves nothing"


def test_the_package_has_no_way_to_run_what_a_file_holds():
    """No unpickling and no evaluating anywhere; modules are imported by name only where the names are our own shelves', or where
    the person at the keyboard names one (--import)."""
    called = {
        "eval",
        "exec",
        "compile",
        "__import__",
        "torch.load",
        "torch.jit.load",
        "torch.hub.load",
        "os.system",
        "os.popen",
    }
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "subprocess", "runpy", "code"}
    importers = {"__init__.py", "core/names.py", "cli/__init__.py", "cli/importing.py"}
    found = []
    for path in sorted((SRC / "mapsto").rglob("*.py")):
        name = path.relative_to(SRC / "mapsto").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=function, keywords=keywords):
                    bad = ast.unparse(function) in called or any(
                        ast.unparse(k) == "allow_pickle=True" for k in keywords
                    )
                    bad = bad or ("import_module" in ast.unparse(function) and name not in importers)
                case ast.Import(names=named):
                    bad = any(alias.name.split(".")[0] in modules for alias in named)
                case ast.ImportFrom(module=module):
                    bad = (module or "").split(".")[0] in modules
                case _:
                    bad = False
            if bad:
                found.append(f"{name}:{node.lineno} {ast.unparse(node)[:80]}")
    assert not found, "\n".join(found)


def in_child(seed: int, count: int) -> dict:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": "/nowhere"}
    environment.pop("MAPSTO_DATA", None)
    done = subprocess.run(
        [sys.executable, __file__, str(seed), str(count)],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


# ── the families: each spoils one thing ─────────────────────────────────────────────────────────────────────────────


class Call:
    """What a pickle makes the one who reads it do; harmless here."""

    def __init__(self, does: Callable, *arguments: Any):
        self.does, self.arguments = does, arguments

    def __reduce__(self) -> tuple:
        return self.does, self.arguments


CALLS = [
    Call(os.system, "true"),
    Call(exec, "import socket; socket.socket().close()"),
    Call(eval, "__import__('os').getpid()"),
    Call(subprocess.call, ["true"]),
    Call(importlib.import_module, "wave"),
]
PATHS = [
    "os.system", "os:system", "posix.system", "subprocess.Popen", "builtins.eval", "builtins.exec", "mapsto.models:MLP",
    "mapsto.models.mlp.MLP", "torch.nn.Linear", "torch.load", "torch.hub.load", "pickle.loads", "importlib.import_module",
    "__class__", "__init__", "__reduce__", "__import__", "../evil", "./evil.py", "evil", "lambda x: x", "your-own", "",
    "sklearn.svm.SVC", "recipe", "table", "zoo", "folder", "iris", "row", "mlp\0", "MLP ", "mlp" * 2000,
]  # fmt: skip
KEYS = [
    {"_target_": "os.system", "_args_": ["true"]},
    {"auto_map": {"AutoModel": "evil.Model"}, "architectures": ["Evil"], "trust_remote_code": True},
    {"module": "os", "class_name": "system", "registered_name": None, "config": {"command": "true"}},
    {"class_name": "Lambda", "config": {"function": ["4wEAAAAAAAAA", None, None]}},
    {"py/object": "os.system", "py/reduce": [{"py/function": "os.system"}, ["true"]]},
    {"!!python/object/apply:os.system": ["true"]},
    {"__reduce__": "os.system", "__class__": "subprocess.Popen", "__init__": {"args": ["true"]}},
    {"$ref": "file:///etc/passwd"},
    {"<<": "*anchor", "extends": "/etc/passwd", "include": "/etc/passwd", "plugin": "evil.so", "import": "evil"},
]
JUNK = [
    None, True, -1, 0, 2**31, 2**63, 10**12, 10**30, 1e308, 0.5, "", "x", "-1", "1e9", "${PATH}", "~/x", "/etc/passwd", "meta", [],
    [[]], [1, "a", None], [-1, 5], [10**6, 10**6], [0, 0, 0], {}, {"name": "mlp"}, {"name": "adam-w"}, {"name": "image"},
    {"name": "mlp", "inputs": [10**6], "outputs": 10**6}, {"": {"": {}}}, "a" * 5000, "\ud800", "\x1b[31m", [None] * 100,
]  # fmt: skip
NAMES = [
    "../config.json", "/etc/passwd", "a/b", "..", ".", "", "a\0b", "x" * 5000, "C:\\config.json", "\\\\host\\x", "config.json/",
    ".config.json", "config.json ", "CONFIG.JSON", "con", "a\nb", "-rf", "~", "file:///etc/passwd", "é.json", "\u202egpj.json",
    "evil.py", "evil.pkl", "evil.so", "evil.pth", "sitecustomize.py", "__init__.py", "manifest.json", "model.safetensors.tmp",
]  # fmt: skip
FAMILIES: dict[str, list[Callable]] = {"model": [], "checkpoint": [], "frame": []}


def of(*kinds: str) -> Callable:
    """Of which kinds of case a family is: it changes `files`, or what lies in `folder` once they are written."""

    def add(family: Callable) -> Callable:
        for kind in kinds:
            FAMILIES[kind].append(family)
        return family

    return add


def unlaid(change: Callable) -> Callable:
    """A family that changes files before they are written, so that the manifest vouches for what it did."""
    change.before = True
    return change


def pickles(draw: random.Random) -> bytes:
    """A pickle as it is, or as torch, joblib or a zip wraps it."""
    call, protocol = draw.choice(CALLS), draw.randrange(6)
    bare = pickle.dumps({"state_dict": call} if draw.random() < 0.3 else call, protocol)
    form = draw.randrange(4)
    if form < 2:
        return bare
    into = io.BytesIO()
    if form == 2:
        with zipfile.ZipFile(into, "w") as archive:
            archive.writestr("archive/data.pkl", bare)
            archive.writestr("archive/version", "3")
    else:
        into.write(len(bare).to_bytes(8, "little") + bare)  # where a header belongs
    return into.getvalue()


@of("model", "checkpoint", "frame")
@unlaid
def pickled(files: Files, draw: random.Random) -> None:
    files[draw.choice([*files, "manifest.json"] if len(files) > 1 else list(files))] = pickles(draw)


@of("model", "checkpoint", "frame")
def beside(folder: Path, draw: random.Random) -> None:
    name = draw.choice(
        [
            "evil.py",
            "evil.pkl",
            "evil.so",
            "torch.py",
            "mapsto.py",
            "json.py",
            "sitecustomize.py",
            "__init__.py",
            "a.pth",
        ]
    )
    evil = b"import os; os.system('true')\n"
    (folder / name).write_bytes(pickles(draw) if name.endswith("pkl") else b"\x7fELF" if name.endswith("so") else evil)


@of("model", "checkpoint")
def listed(folder: Path, draw: random.Random) -> None:
    """Named in the manifest, truthfully or not."""
    name, data = draw.choice(NAMES), draw.choice([b"", b"x", pickles(draw)])
    if name not in ("..", ".", "manifest.json"):
        try:
            (folder / Path(name).name).write_bytes(data)
        except (OSError, ValueError):  # no name that a disk takes
            pass
    stated = json.loads((folder / "manifest.json").read_text())
    stated.pop("sha256", None)
    added = json.loads(spoiled.manifest({"x": data}))["files"]["x"]
    stated["files"][name] = draw.choice([added, added, draw.choice(JUNK), {**added, "size": draw.choice(JUNK)}])
    (folder / "manifest.json").write_bytes(seal(json.dumps(stated, indent=1).encode()))


@of("model", "checkpoint")
def vouched_oddly(folder: Path, draw: random.Random) -> None:
    """The manifest itself is odd."""
    stated = json.loads((folder / "manifest.json").read_text())
    stated.pop("sha256", None)
    spoil(stated, draw, draw.choice([junk, dropped]))
    (folder / "manifest.json").write_bytes(seal(json.dumps(stated, indent=1).encode()))


@of("model", "checkpoint", "frame")
def linked(folder: Path, draw: random.Random) -> None:
    """A file is a link, a pipe, a device, a folder."""
    path = draw.choice(sorted(folder.iterdir()))
    data = path.read_bytes()
    path.unlink()
    match draw.randrange(8):
        case 0:
            path.symlink_to(
                draw.choice(["/etc/passwd", "/etc/hostname", "../../nowhere", path.name, "/dev/zero", "/proc/self/mem"])
            )
        case 1:
            os.mkfifo(path)
        case 2:
            os.mkfifo(folder / "pipe")
            path.symlink_to("pipe")
        case 3:
            (folder / "there").write_bytes(data)
            path.symlink_to("there")
        case 4:
            os.link(Path.cwd() / "mlp" / "README.md", path)  # of a file elsewhere
        case 5:
            path.mkdir()
        case 6:
            with socket.socket(socket.AF_UNIX) as made, at(folder):
                made.bind(path.name[:90])
        case 7:
            with open(path, "wb") as sparse:
                sparse.truncate(draw.choice([2**31, 2**40]))


@of("model", "checkpoint")
@unlaid
def of_code(files: Files, draw: random.Random) -> None:
    """Somewhere in the JSON stands what another library would import and call."""
    in_json(files, draw, coded)


@of("model")
@unlaid
def by_path(files: Files, draw: random.Random) -> None:
    """A component's name is an import path."""
    in_json(files, draw, renamed)


@of("model", "checkpoint")
@unlaid
def of_other_types(files: Files, draw: random.Random) -> None:
    in_json(files, draw, junk)


@of("model", "checkpoint")
@unlaid
def lacking(files: Files, draw: random.Random) -> None:
    in_json(files, draw, dropped)


@of("model")
@unlaid
def huge(files: Files, draw: random.Random) -> None:
    """The configuration asks for more than there is."""
    config = json.loads(files["config.json"])
    size = draw.choice([10**5, 10**7, 10**9, 10**12, 10**18, 2**53, 10**30, -1, 0, True, 3.5, "64", [64]])
    known = [w for w in ("width", "depth", "hidden", "embedding", "waves", "rounds", "outputs") if w in config["model"]]
    word = draw.choice([*known, "inputs"])
    if word == "inputs":
        size = draw.choice(
            [[3, size, size], [size], {"number": [size]}, {"category": [size, 3]}, {"category": [2] * 10**5}, []]
        )
    config["model"][word] = size
    if draw.random() < 0.3:
        config["model"]["depth"] = 10**9
    files["config.json"] = json.dumps(config).encode()


@of("model")
@unlaid
def learned_oddly(files: Files, draw: random.Random) -> None:
    """What a domain has learned is nothing that one learns."""
    domains = json.loads(files["domains.json"])
    state = domains[draw.choice(["input", "target"])]["state"]
    inner = draw.choice(list(state.get("columns", {"": state}).values()))
    word = draw.choice(list(inner))
    many = [f"c{i}" for i in range(draw.choice([2, 4, 10**5]))]
    inner[word] = draw.choice([*JUNK, many, [[]], [{}], ["a", "a", "a"], [1, True, 1.0], ["x"] * 3, "abc", [1e300] * 3])
    files["domains.json"] = json.dumps(domains).encode()


@of("model", "checkpoint")
@unlaid
def twice(files: Files, draw: random.Random) -> None:
    """A name comes twice in an object: what one reader checks another does not see."""
    name = draw.choice([n for n in files if not n.endswith(".md")])
    text, start = (files[name], 0) if name.endswith("json") else (files[name], 8)
    opened = text.index(b"{", start) + 1
    key = text[text.index(b'"', opened) : text.index(b":", opened) + 1]
    put(files, name, text[:opened] + key + draw.choice([b"0,", b'"x",', b"{},", b"[],"]) + text[opened:])


@of("model", "checkpoint")
@unlaid
def no_number(files: Files, draw: random.Random) -> None:
    name = draw.choice([n for n in files if n.endswith("json")])
    tree = json.loads(files[name])
    spoil(tree, draw, lambda node, key, _: node.__setitem__(key, "@@"))
    numbers = [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"9" * 5000,
        b"1" * 400,
        b"0x10",
        b"01",
        b"+1",
        b"1_0",
    ]
    files[name] = json.dumps(tree).encode().replace(b'"@@"', draw.choice(numbers))


@of("model", "checkpoint")
@unlaid
def of_odd_header(files: Files, draw: random.Random) -> None:
    """The weights' header lies about dtype, shape, place, name or its own length."""
    name = draw.choice([n for n in files if n.endswith("safetensors")])
    length = int.from_bytes(files[name][:8], "little")
    header, rest = json.loads(files[name][8 : 8 + length]), files[name][8 + length :]
    tensor = draw.choice([n for n in header if n != "__metadata__"])
    entry = header[tensor]
    match draw.randrange(8):
        case 0:
            entry["shape"] = draw.choice(
                [[10**9] * 3, [2**63], [0, 2**60], [-1], [-2, -2], [2**62, 2], [1] * 10**4, [True], [1.0], "3", {}]
            )
        case 1:
            ends = [0, 1, -1, 2**64 - 1, 2**63, 10**30, len(rest), len(rest) + 1, None, "0", 1.5, True]
            entry["data_offsets"] = draw.choice([[draw.choice(ends), draw.choice(ends)], [], [0, 1, 2], {}])
        case 2:
            entry["dtype"] = draw.choice(
                ["F128", "object", "O", "", "I64", "BOOL", "F64", None, 7, ["F32"], "F32\0", "U8"]
            )
        case 3:
            header["x" * draw.choice([1001, 10**5])] = entry
        case 4:
            header["__metadata__"] = draw.choice(
                [{"a": 1}, [], "x", {"a": {"b": {}}}, {"_target_": "os.system"}, {"pickle": "gASV"}]
            )
        case 5:
            header.update(
                {
                    f"extra{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
                    for i in range(draw.choice([1, 10**4]))
                }
            )
        case 6:
            header[draw.choice(list(header))] = draw.choice(JUNK)
        case 7:
            rest = draw.choice([b"", rest[:-1], rest + b"\0", rest * 2])
    written = json.dumps(header).encode()
    if draw.random() < 0.2:
        length = draw.choice([0, 1, len(written) - 1, len(written) + 1, 2**63, 2**64 - 1, 10**8, len(rest)])
        files[name] = length.to_bytes(8, "little") + written + rest
    else:
        put(files, name, bytes(8) + written + rest, len(written))


@of("model", "checkpoint")
@unlaid
def deep(files: Files, draw: random.Random) -> None:
    name = draw.choice([n for n in files if not n.endswith(".md")] + ["manifest.json"])
    levels = draw.choice([101, 500, 990, 10**4, 10**5])
    opened, closed = draw.choice([("[", "]"), ('{"a":', "}"), ('{"dict":{"a":', "}}"), ('{"list":[', "]}")])
    nest = (opened * levels + draw.choice(["", "1"] if opened == "[" else ["1", "[]"]) + closed * levels).encode()
    if name.endswith("json"):
        files[name] = nest if draw.random() < 0.5 else b'{"files":' + nest + b"}"
    else:
        files[name] = len(nest).to_bytes(8, "little") + nest


@of("model", "checkpoint")
@unlaid
def of_another_house(files: Files, draw: random.Random) -> None:
    """Hugging Face, Keras, Lightning, TorchScript, ONNX, GGUF, HDF5, YAML: files that mean something elsewhere."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("config.json", json.dumps(KEYS[2]))
        archive.writestr("code/__torch__.py", "import os\nos.system('true')")
        archive.writestr("archive/data.pkl", pickle.dumps(CALLS[0]))
    bodies = [
        zipped.getvalue(), b"\x08\x08\x12\x07pytorch", b"GGUF\x03\0\0\0" + bytes(64), b"\x89HDF\r\n\x1a\n" + bytes(64),
        b"a: &a [x,x]\nb: &b [*a,*a]\nc: !!python/object/apply:os.system ['true']\n", b"\x93NUMPY\x01\0v\0{'descr':'|O'}",
        json.dumps({"model_type": "bert", **KEYS[1]}).encode(), b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    ]  # fmt: skip
    for name in draw.sample(sorted(files), draw.randint(1, len(files))):
        files[name] = draw.choice(bodies)


@of("model")
@unlaid
def swapped(files: Files, draw: random.Random) -> None:
    """The weights, domains or configuration of another good model."""
    other = draw.choice(list(GOODS.values()))
    for name in draw.sample(sorted(files), draw.randint(1, 2)):
        files[name] = other[name]


@of("model", "checkpoint")
@unlaid
def of_bytes(files: Files, draw: random.Random) -> None:
    """A few bytes are others, or the end is missing; the manifest vouches for it."""
    name = draw.choice(sorted(files))
    data = bytearray(files[name])
    for _ in range(draw.randint(1, 8)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    files[name] = bytes(data[: draw.choice([len(data), draw.randrange(len(data))])])


@of("frame")
@unlaid
def of_other_settings(files: Files, draw: random.Random) -> None:
    in_toml(files, draw, draw.choice([junk, dropped, coded, renamed]))


@of("frame")
@unlaid
def asking_for_much(files: Files, draw: random.Random) -> None:
    size = draw.choice([10**5, 10**7, 10**9, 10**12, 10**18, 2**53, 10**30, -1, 0, True, "64"])
    table = tomllib.loads(files["frame.toml"].decode())
    path = draw.choice(["model.width", "model.depth", "model.embedding", "model.waves", "data.size", "data.split.folds",
                        "data.split.fold", "data.split.seed", "run.seed", "algorithm.experience.batch_size",
                        "algorithm.until.count", "data.missing_targets"])  # fmt: skip
    *walk, key = path.split(".")
    here = functools.reduce(dict.__getitem__, walk, table)
    here[key] = [size, size] if key == "size" else size
    files["frame.toml"] = toml(table)


@of("frame")
@unlaid
def leading_elsewhere(files: Files, draw: random.Random) -> None:
    """The data, or the folder where they lie, are somewhere that a file has no business to send us."""
    table = tomllib.loads(files["frame.toml"].decode())
    where = draw.choice([
        "http://127.0.0.1:1/x.csv", "https://example.com/x.csv", "ftp://x/y.csv", "file:///etc/passwd", "s3://a/b.parquet",
        "/dev/zero", "/dev/stdin", "/dev/tty", "/proc/self/fd/0", "/dev/null", "PIPE", "-", "<memory>", "", ".", "..", "/nowhere",
        "~nobody-here/x", "x" * 5000, "a\0b.csv", "mnist", "fashion-mnist", "cifar-10", "mnist-sets", "digits", "mnist.csv",
        "\\\\host\\share\\x.csv", "|true", "$(true)", "`true`", "os.system", "table.blood-cells", "california-housing",
    ])  # fmt: skip
    key = draw.choice(["source", "source", "source", "test", "data_dir"])
    table["data"][key] = where
    if key == "source" and draw.random() < 0.3:
        table["data"]["data_dir"] = draw.choice(["/nowhere", "/dev", "~/x", "http://127.0.0.1:1"])
    files["frame.toml"] = toml(table)


@of("frame")
@unlaid
def read_oddly(files: Files, draw: random.Random) -> None:
    """An encoding that is a module's name, a separator that is none, columns and kinds that lead elsewhere."""
    table = tomllib.loads(files["frame.toml"].decode())
    named = ["os", "../evil", "evil", "rot13", "zip", "hex", "idna", "undefined", "cp949", "x" * 5000, "utf-8\0", ""]
    key = draw.choice(["encoding", "separator", "columns", "kinds", "target"])
    table["data"][key] = {
        "encoding": draw.choice(named),
        "separator": draw.choice(["", "\0", "ab", "\n", '"', "\\", "\ud83d", "x" * 5000]),
        "columns": draw.choice([[], ["a"], ["a"] * 3, ["a", "b", "\0"], ["x" * 10**5] * 3, [""] * 3]),
        "kinds": {
            draw.choice(["wood", "long", "kind", "evil"]): draw.choice([*PATHS, "image", "row", "date", "vector", "id"])
        },
        "target": draw.choice(["wood", "long", "", ["wood", "long"], [], ["kind"] * 1000, "\x1b[2J", "evil"]),
    }[key]
    files["frame.toml"] = toml(table)


@of("frame")
@unlaid
def no_toml(files: Files, draw: random.Random) -> None:
    good = files["frame.toml"]
    levels = draw.choice([31, 200, 2000, 10**5])
    files["frame.toml"] = draw.choice([
        b"", b"\0" * 100, good.decode().encode("utf-16"), b"\xff\xfe" + good, b"\x80" + good, good * 2, good + b"\n[model]\n",
        b"v = " + b"[" * levels + b"]" * levels, b"v = " + b"{a=" * levels + b"1" + b"}" * levels,
        b".".join([b"a"] * levels) + b" = 1", b"[" + b".".join([b"a"] * levels) + b"]", b"x = " + b"9" * 5000,
        b'x = "\\ud800"', b"x = 1979-05-27T07:32:00Z\n" + good, good.replace(b"seed = 0", b"seed = 1979-05-27"),
        b"\n".join(b"k%d = 1" % i for i in range(10**4)), good + b"\n[extra]\n" + b"\n".join(b"k%d = 1" % i for i in range(10**4)),
        json.dumps(KEYS[0]).encode(), b"- !!python/object/apply:os.system ['true']\n", b'x = """' + b"a" * 10**6,
        good.replace(b"0.2", b"nan"), good.replace(b"0.2", b"inf"), good.replace(b"0.2", b"-0.0"), good.replace(b"0.2", b"1e999"),
    ])  # fmt: skip


# ── how they spoil ──────────────────────────────────────────────────────────────────────────────────────────────────


def nodes(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested dicts and lists: its owner and its key."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from nodes(value)


def spoil(tree: Any, draw: random.Random, how: Callable) -> None:
    places = list(nodes(tree))
    if places:
        how(*draw.choice(places), draw)


def junk(node: Any, key: Any, draw: random.Random) -> None:
    node[key] = draw.choice(JUNK)


def dropped(node: Any, key: Any, draw: random.Random) -> None:
    del node[key]


def coded(node: Any, key: Any, draw: random.Random) -> None:
    added = draw.choice(KEYS)
    if isinstance(node[key], dict) and draw.random() < 0.7:
        node[key].update(added)
    else:
        node[key] = added


def renamed(node: Any, key: Any, draw: random.Random) -> None:
    named = [n for n, k in nodes({"": node}) if k == "name"] if isinstance(node, dict) else []
    path = draw.choice(PATHS)
    if named:
        draw.choice(named)["name"] = path
    else:
        node[key] = draw.choice([path, {"name": path}, {"name": path, "inputs": [3], "outputs": 3}])


def in_json(files: Files, draw: random.Random, how: Callable) -> None:
    name = draw.choice([n for n in files if n.endswith("json")])
    tree = json.loads(files[name])
    spoil(tree, draw, how)
    files[name] = json.dumps(tree).encode()


def in_toml(files: Files, draw: random.Random, how: Callable) -> None:
    table = tomllib.loads(files["frame.toml"].decode())
    spoil(table, draw, how)
    files["frame.toml"] = toml(table)


def toml(table: dict) -> bytes:
    def writable(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(k): writable(v) for k, v in value.items() if v is not None}
        if isinstance(value, list):
            return [writable(v) for v in value if v is not None]
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

    return tomli_w.dumps(writable(table)).encode()


def put(files: Files, name: str, data: bytes, header: int | None = None) -> None:
    """Weights with a header of another length, or JSON as it is."""
    if name.endswith("safetensors"):
        header = int.from_bytes(files[name][:8], "little") + len(data) - len(files[name]) if header is None else header
        data = header.to_bytes(8, "little") + data[8:]
    files[name] = data


class at:
    """While it lasts, a folder is the working one: names of sockets are short."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __enter__(self) -> None:
        self.before = os.getcwd()
        os.chdir(self.folder)

    def __exit__(self, *error: object) -> None:
        os.chdir(self.before)


# ── the child: cases under an audit hook ────────────────────────────────────────────────────────────────────────────

GOODS: dict[str, Files] = {}
ALWAYS = (
    "exec", "compile", "import", "pickle.", "marshal.", "ctypes.", "code.", "function.", "subprocess.", "socket.", "urllib.",
    "http.", "ftplib.", "smtplib.", "webbrowser.", "pty.", "shutil.", "tempfile.", "os.system", "os.exec", "os.posix_spawn",
    "os.spawn", "os.fork", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.chown",
    "os.truncate", "os.putenv", "os.unsetenv", "os.kill", "os.utime", "os.startfile", "sqlite3.", "gc.", "builtins.input",
)  # fmt: skip
INSTALLED = tuple(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, "/usr/lib", "/proc/self", "/sys", SRC))


class Watch:
    """An audit hook: what happens while `on` that no loader has business with."""

    def __init__(self) -> None:
        self.on = self.looking = False
        self.own: tuple[str, ...] = ()  # folders that may be read
        self.seen: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple) -> None:
        if not self.on or self.looking:
            return
        self.looking = True
        if event == "open":
            path, mode, flags = arguments
            written = isinstance(flags, int) and flags & (
                os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            )
            where = "" if isinstance(path, int) or path is None else os.path.realpath(os.fsdecode(path))
            if written or not (where == "" or where.startswith((*self.own, *INSTALLED))):
                self.seen.append(f"open {where} {mode or flags}")
        elif event.startswith(ALWAYS):
            self.seen.append(f"{event} {str(arguments)[:100]}")
        self.looking = False


class Late(BaseException):
    """A case takes too long."""


def load(kind: str, good: str, folder: Path, given: dict) -> str:
    """Load it the way its owner would, and use it: "loaded", or "refused" where a MapstoError says why."""
    if kind == "checkpoint":
        learner = given["learner"]
        learner.load_state_dict(unpack(given["before"]))
        _, skipped = Run(folder.parents[1]).restore(learner)
        if skipped:
            assert spoiled.checkpoint(learner) == given["before"], "a refused checkpoint left something behind"
            return "refused"
        try:
            learner.fit(learner.step + 1)
        except MapstoError:
            pass
        return "loaded"
    try:
        if kind == "frame":
            mapsto.frame(str(folder / "frame.toml")).components()
        else:
            f = mapsto.load(folder)
            f(spoiled.ASKED["picture" if len(f.input.shape) == 3 else "row"])
            str(f)
    except MapstoError as error:
        assert error.message and "\x1b" not in str(error), "a message that says nothing, or too much"
        return "refused"
    return "loaded"


def named_data(folder: Path) -> tuple[str, ...]:
    """Files and folders that a frame.toml names as its data: to read them is what it is for, wherever they are."""
    try:
        file = folder / "frame.toml"
        if not file.is_file() or file.is_symlink() or file.stat().st_size > 10**7:
            return ()
        named = map(
            os.path.expanduser, re.findall(r'^(?:source|test|data_dir) = "(.+)"$', file.read_text(), re.MULTILINE)
        )
        return tuple(os.path.realpath(path) for path in named if os.path.isfile(path) or os.path.isdir(path))
    except ValueError:
        return ()


def naive(kind: str, good: str, folder: Path, given: dict) -> str:
    """A loader as many are written: names in a file are imported and called, and what is no tensor is unpickled."""
    for file in sorted(folder.iterdir()):
        if not stat.S_ISREG(file.lstat().st_mode) or file.stat().st_size > 10**7:
            continue
        data = file.read_bytes()
        try:
            tree = tomllib.loads(data.decode()) if file.suffix == ".toml" else json.loads(data)
            named = [
                (node, node[key])
                for node, key in nodes({"": tree})
                if key in ("_target_", "name", "__reduce__", "py/object")
            ]
        except (ValueError, RecursionError):
            named = []
        for node, path in named:
            module, _, attribute = str(path).replace(":", ".").rpartition(".")
            try:
                getattr(importlib.import_module(module), attribute)(*node.get("_args_", ["true"]))
            except Exception:
                pass
        for start in (0, 8):
            try:
                pickle.loads(data[start:])
            except Exception:
                pass
    return "loaded"


def child(seed: int, count: int, root: Path) -> dict:
    """Run `count` cases with `load`, then the same with `naive`; what came of them."""
    for shelf in names.SHELVES:
        for name in names.listed(shelf):
            names.find(shelf, name)
    source = spoiled.table(root / "table.csv")
    GOODS.update({name: spoiled.model_folder(name, root / "good" / name) for name in spoiled.MODELS})
    learner = spoiled.learner(source)
    given = {"learner": learner, "before": spoiled.checkpoint(learner)}
    toml_text = {"frame.toml": spoiled.frame_toml(source).encode(), "table.csv": source.read_bytes()}
    starts = {"model": GOODS, "checkpoint": {"mlp": given["before"]}, "frame": {"mlp": toml_text}}
    for named in ("iris", "digits"):  # scikit-learn's own, imported when they are asked for
        mapsto.frame(named)
    for module in pkgutil.iter_modules(encodings.__path__):  # and Python's codecs, when a table is in doubt
        try:
            codecs.lookup(module.name)
        except LookupError:
            pass
    devices.memory = lambda: MACHINE
    os.chdir(root / "good")
    watch = Watch()

    def cases() -> Iterator[tuple[str, str, str, Path]]:
        """Each kind in turn, and each of its families; the case is written anew each time it is asked for."""
        for number in range(seed, seed + count):
            draw = random.Random(number)
            kind = ("model", "model", "checkpoint", "frame")[number % 4]
            family = FAMILIES[kind][number // 4 % len(FAMILIES[kind])]
            good = draw.choice(sorted(starts[kind]))
            folder = root / f"case-{number}" / ("checkpoints/step-00000003" if kind == "checkpoint" else "model")
            files = dict(starts[kind][good])
            if kind == "frame":
                files["frame.toml"] = files["frame.toml"].replace(
                    str(source).encode(), str(folder / "table.csv").encode()
                )
                table = files.pop("table.csv")
            if vars(family).get("before"):
                family(files, draw)
            if kind == "frame":
                folder.mkdir(parents=True)
                for name, data in {**files, "table.csv": table}.items():
                    (folder / name).write_bytes(data)
            else:
                spoiled.lay(folder, files)
            if kind == "checkpoint":
                (folder.parents[1] / "frame.toml").write_text("")
            if not vars(family).get("before"):
                family(folder, draw)
            yield kind, f"{kind}: {family.__name__}", good, folder
            shutil.rmtree(root / f"case-{number}")

    def run(loader: Callable) -> dict:
        told: dict[str, Any] = {"came": Counter(), "wrong": [], "events": Counter(), "slowest": 0.0, "bytes": 0}
        for kind, family, good, folder in cases():
            watch.seen, watch.own = (
                [],
                tuple(map(os.path.realpath, [folder.parents[1] if kind == "checkpoint" else folder])),
            )
            if kind == "frame":
                watch.own += named_data(folder)
            told["bytes"] = max(
                told["bytes"], sum(p.lstat().st_size for p in folder.iterdir() if p.lstat().st_size < 2**30)
            )
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            begun = time.perf_counter()
            watch.on = True
            try:
                came = loader(kind, good, folder, given)
            except (Exception, Late) as error:
                watch.on = False
                came = "other"
                told["wrong"].append(
                    f"{family} ({folder.parent.name}): {type(error).__name__}: {str(error)[:200]} {site(error)}"
                )
            finally:
                watch.on = False
                signal.setitimer(signal.ITIMER_REAL, 0)
            told["slowest"] = max(told["slowest"], time.perf_counter() - begun)
            if watch.seen and came != "other":
                told["wrong"].append(f"{family} ({folder.parent.name}): {'; '.join(watch.seen[:3])}")
            told["events"][family] += bool(watch.seen)
            told["came"][came] += 1
        return told

    signal.signal(signal.SIGALRM, too_late)
    for name in GOODS:  # what is imported late or made once
        folder = root / "case--1" / "model"
        spoiled.lay(folder, GOODS[name])
        assert load("model", name, folder, given) == "loaded"
        shutil.rmtree(folder.parent)
    (root / "frame.toml").write_bytes(toml_text["frame.toml"])
    assert load("frame", "mlp", root, given) == "loaded"
    gc.collect()
    gc.freeze()
    reset_peak()
    before = peak()
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (2 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    told = run(load)
    told["grown"] = peak() - before
    told["naive"] = dict(run(naive)["events"])
    return told


def too_late(*_: object) -> None:
    raise Late(f"more than {SECONDS} s")


def site(error: BaseException) -> str:
    """The innermost line of ours that it came through."""
    lines = []
    trace = error.__traceback__
    while trace:
        lines.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " < ".join(lines[:-5:-1])


def peak() -> int:
    """Bytes of memory at most so far, since `reset_peak`."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as root:
        print(json.dumps(child(int(sys.argv[1]), int(sys.argv[2]), Path(root).resolve())))
