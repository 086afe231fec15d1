"""Good headers, configurations, settings and folders, a few bytes of them changed: each is read, or refused with one error.

Most mutants go to the parser of headers, the rest to those of JSON configurations and frame.toml, and some to a whole folder
whose manifest vouches for them. Whatever comes but a clean load or a MapstoError is a fault; a crash would end the test.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import safetensors.torch
import spoiled
from safetensors import SafetensorError

from mapsto.core import names, tensors
from mapsto.core.ceiling import Ceiling
from mapsto.core.errors import Damaged, MapstoError
from mapsto.core.hints import Unfit, fitted
from mapsto.core.reading import parse_json
from mapsto.export import bundle
from mapsto.framing import mistakes, settings

SHARES = {"headers": 0.70, "configurations": 0.20, "settings": 0.08, "folders": 0.02}
SLOWEST = 10  # seconds that one may take, on a busy machine
A_LOT = 64 << 20  # bytes of memory that may come on top
NUMBER = re.compile(rb"-?\d+(\.\d+)?(e-?\d+)?")
NUMBERS = [b"0", b"-1", b"1", b"7", b"1e999", b"NaN", b"1.5", b"2147483648", b"1152921504606846976", b"18446744073709551616",
           b"9" * 400, b"true", b"null", b'"1"', b"[]", b"{}", b"[0,1152921504606846976]"]  # fmt: skip
TOKENS = [b'"', b"{", b"}", b"[", b"]", b":", b",", b"\\", b"\\u0000", b"\\ud800", b"\xff", b"\xc3", b"\0", b"\n", b" ", b"=", b"#",
          b"'''", b'"""', b"[[", b"]]", b"inf", b"nan", b"1979-05-27", b"F64", b"BOOL", b"I64", b'"name"', b'"dtype"', b'"shape"',
          b'"data_offsets"', b'"__metadata__":{"a":"b"},', b'"a":1,', b"model", b"data.", b"\x1b[31m", "é😀".encode()]  # fmt: skip


def mutant(data: bytes, draw: random.Random) -> bytes:
    """Changed in one place or a few: other bytes, pieces gone, pieces twice, other numbers, or the end cut off."""
    made = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 5))):
        if not made:
            break
        start = draw.randrange(len(made))
        stop = min(len(made), start + draw.choice((1, 1, 2, 4, 8, 16, 40)))
        match draw.randrange(8):
            case 0:
                made[start] = draw.randrange(256)
            case 1:
                made[start] ^= 1 << draw.randrange(8)
            case 2:
                del made[start:stop]
            case 3:
                made[start:start] = made[start:stop]
            case 4:
                made[start:stop] = draw.choice(TOKENS)
            case 5:
                made[start:start] = draw.choice(TOKENS)
            case 6:
                if found := NUMBER.search(made, start):
                    made[found.start() : found.end()] = draw.choice(NUMBERS)
            case 7:
                if draw.random() < 0.2:
                    del made[start:]
    return bytes(made)


def member_twice(text: bytes, draw: random.Random) -> bytes:
    """JSON whose outermost object has one of its members twice, with another value perhaps."""
    tree = json.loads(text)
    name = draw.choice(list(tree))
    again = json.dumps({name: draw.choice([tree[name], 0, {}])}).encode()[1:-1]
    return text[: text.index(b"{") + 1] + again + b"," + text[text.index(b"{") + 1 :]


def headers(good: list[bytes], draw: random.Random) -> bytes:
    data = draw.choice(good)
    stop = 8 + int.from_bytes(data[:8], "little")
    if draw.random() < 0.1:
        return mutant(data, draw)
    change = member_twice if draw.random() < 0.1 else mutant
    header = change(data[8:stop], draw)
    return len(header).to_bytes(8, "little") + header + data[stop:]


def read_header(data: bytes) -> None:
    tensors.header(data, "a file")
    tensors.load(data, "a file")


def read_configuration(data: bytes) -> None:
    """As `bundle.load` does, short of the weights."""
    try:
        config = fitted(parse_json(data, "config.json"), bundle.Config)
    except Unfit as error:
        raise Damaged(str(error)) from error
    with Ceiling(200, 100_000, "the weights hold so many numbers"):
        names.build("model", config["model"])
        names.build("objective", config["objective"])


def read_settings(data: bytes) -> None:
    mistakes.in_whole(settings.loads(data.decode("utf-8", "replace"), "frame.toml"), "frame.toml").refuse()


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """Name of a model → the files of its folder; and one frame.toml."""
    root = tmp_path_factory.mktemp("good")
    folders = {name: spoiled.model_folder(name, root / name) for name in spoiled.MODELS}
    return folders | {"frame": {"frame.toml": spoiled.frame_toml(spoiled.table(root / "table.csv")).encode()}}


def mutants(good: dict[str, dict[str, bytes]], kind: str, count: int) -> Iterator[bytes]:
    draw = random.Random(f"{kind}")
    weights = [files["model.safetensors"] for files in good.values() if "model.safetensors" in files]
    configs = [files["config.json"] for files in good.values() if "config.json" in files]
    for _ in range(count):
        if kind == "headers":
            yield headers(sorted(weights, key=len)[:-1], draw)
        elif kind == "configurations":
            yield (member_twice if draw.random() < 0.1 else mutant)(draw.choice(configs), draw)
        else:
            yield mutant(good["frame"]["frame.toml"], draw)


def survives(read: Callable[[bytes], None], data: bytes, wrong: list[str]) -> bool:
    """Whether `read` read it; what it raised beside a MapstoError is noted."""
    try:
        read(data)
        return True
    except MapstoError:
        return False
    except Exception as error:
        wrong.append(f"{type(error).__name__}: {str(error)[:200]}: {data[:300]!r}")
        return False


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # torch, of a layer without inputs
def test_a_few_changed_bytes_are_read_or_refused(dose, counted, good, memory):
    peak = Peak()
    tried = dose(20_000, 1_000_000)
    wrong: list[str] = []
    read, slowest, library, refused = dict.fromkeys(SHARES, 0), 0.0, 0, 0
    readers = {"headers": read_header, "configurations": read_configuration, "settings": read_settings}
    peak.reset()
    for kind, reader in readers.items():
        for data in mutants(good, kind, round(tried * SHARES[kind])):
            begun = time.perf_counter()
            came = survives(reader, data, wrong)
            slowest = max(slowest, time.perf_counter() - begun)
            read[kind] += came
            if kind == "headers" and not came:
                refused += 1
                library += loads_anyway(data)
    draw = random.Random(0)
    for number in range(round(tried * SHARES["folders"])):
        files = dict(good[draw.choice(list(spoiled.MODELS))])
        name = draw.choice(sorted(files))
        files[name] = mutant(files[name], draw)
        folder = memory / str(number)
        spoiled.lay(folder, files)
        read["folders"] += survives(lambda _, folder=folder: bundle.load(folder), files[name], wrong)
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    grown = peak.grown()
    more = {kind: f"{round(tried * share):,} ({read[kind]:,} of them still good)" for kind, share in SHARES.items()}
    control = f"the library alone loads {library:,} of {refused:,} headers that are refused here"
    counted("mutants", tried, tried - len(wrong), control, **more, peak_growth_MB=grown >> 20)
    assert not wrong, "\n".join(wrong[:20])
    assert slowest < SLOWEST and grown < A_LOT
    assert library > refused / 1000 and all(read.values()), "a harness that finds nothing proves nothing"


class Peak:
    """How much more memory this process has held since `reset`, at most; 0 where the system does not tell."""

    def reset(self) -> None:
        if Path("/proc/self/clear_refs").exists():
            Path("/proc/self/clear_refs").write_text("5")
            self.before = self._now()

    def grown(self) -> int:
        return self._now() - self.before if Path("/proc/self/clear_refs").exists() else 0

    def _now(self) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def loads_anyway(data: bytes) -> bool:
    try:
        safetensors.torch.load(data)
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("shape, stop", [((0, 2**60), 0), ((1,), 1), ((2**62, 4), 0)])
def test_what_the_library_lets_through_is_refused(shape, stop):
    """A name twice, a shape that no memory could hold, a yes-or-no of seven."""
    entry = json.dumps({"dtype": "BOOL", "shape": shape, "data_offsets": [0, stop]})
    header = f'{{"a": {entry}{", " + chr(34) + "a" + chr(34) + ": " + entry if stop == 0 else ""}}}'.encode()
    data = len(header).to_bytes(8, "little") + header + b"\7" * stop
    with pytest.raises(Damaged, match=r"twice|cannot have the shape|yes and no"):
        tensors.load(data, "x")
