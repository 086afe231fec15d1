"""Encoded examples that need not fit into memory: raw tensors in files, and views that read them by resident chunks.

OUT/manifest.json                  sealed: size and sha256 of every file, how many rows, what one row is
OUT/about.json, sample.parquet     what the columns mean, and an evenly spread sample of their raw values
OUT/train-00003.input.number.bin   one field of some rows of one split: little-endian, row after row
OUT/train-00003.row.bin            the number of each of them in the source, int64
OUT/train-00003.input.tokens.bin   a ragged field: the entries of one row after the other
OUT/train-00003.input.tokens.lengths.bin   and how many each row has, int32

Rows lie in the order of the source and are read by blocks of neighbours, so that reading is cheap however small a row is. An
order permutes all blocks, takes as many of them as memory was granted for (a chunk), and permutes the rows of the chunk; one
thread reads the next chunk while this one is learned from. Files are read into buffers of our own, never mapped: what is
mapped and touched counts as resident.

Rows with a ragged field are batched by length (core/buckets.py), from wherever they lie, in the very order that they have in
memory: lengths are resident, and each row is read when its turn comes.

Blocks, then a buffer: CorgiPile, Xu et al. 2022, arXiv:2206.05830, with what it costs in convergence.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

import numpy as np
import torch
from torch import Tensor

from mapsto.core import devices, disk, seeds
from mapsto.core.batch import Batch, Columns, Field, gathered, over
from mapsto.core.errors import BadInput, Damaged
from mapsto.core.hints import Unfit, fitted
from mapsto.core.nouns import View
from mapsto.core.ragged import Ragged
from mapsto.core.reading import JSON_BYTES, read_file
from mapsto.core.state import MANIFEST, read_manifest, seal
from mapsto.core.text import clean

FORMAT = 1
KIND = "shards"
PARTS = ("train", "valid", "test")
DTYPES = {"float32": "<f4", "float64": "<f8", "int64": "<i8", "int32": "<i4", "uint8": "|u1"}
SHARD_BYTES = 128 << 20  # of the rows of one shard, all fields together
BLOCK_BYTES, BLOCK_ROWS = 1 << 20, 1024  # of neighbours that are read at once, at most
ENTRIES = 64  # that a row of a ragged field is taken to have, where its size matters before its rows are there
GRANTED = 1 << 30  # bytes that chunks may take, at most; and no more than a sixteenth of what is free
HASHED_AT_ONCE = 1 << 20
OPEN = 64  # files held open by one reader
AGAIN = "Write it again with `mapsto shard`, or restore it from a copy."


@dataclass(frozen=True)
class Kept:
    """One field of an example as it lies in a file: "input.number", "target"; its dtype by name, and its shape.

    Of a ragged one that is the shape of an entry; pad and count are as of core/ragged.py, and count is "" of no other.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    pad: float = 0
    count: str = ""

    @classmethod
    def of(cls, name: str, column: Tensor | Ragged) -> Kept:
        values = column.values if isinstance(column, Ragged) else column
        more = (column.pad, column.count) if isinstance(column, Ragged) else ()
        return cls(name, str(values.dtype).removeprefix("torch."), tuple(values.shape[1:]), *more)

    @property
    def bytes(self) -> int:
        """Of a row; of a ragged field, of an entry."""
        return np.dtype(DTYPES[self.dtype]).itemsize * int(np.prod(self.shape, dtype=np.int64))

    @property
    def wide(self) -> int:
        """Bytes of a row, or about that."""
        return self.bytes * ENTRIES if self.count else self.bytes

    @property
    def lengths(self) -> Kept:
        """How many entries each row of a ragged field has: a field beside it."""
        return Kept(f"{self.name}.lengths", "int32", ())

    def stated(self) -> dict[str, Any]:
        return {"dtype": self.dtype, "shape": list(self.shape)} | (
            {"pad": self.pad, "count": self.count} if self.count else {}
        )

    def empty(self, rows: int, pinned: bool = False) -> Tensor:
        return torch.empty(rows, *self.shape, dtype=getattr(torch, self.dtype), pin_memory=pinned)


ROW = Kept("row", "int64", ())


class Stated(TypedDict):
    """What manifest.json says beside the files."""

    format: int
    kind: str
    word: str
    block: int
    shard: int
    fields: dict[str, dict[str, Any]]
    rows: dict[str, int]


def flat(batch: Batch | Columns) -> dict[str, Tensor | Ragged]:
    """{"input": {"number": …}, "target": …} → {"input.number": …, "target": …}."""
    made: dict[str, Tensor] = {}
    for name, field in batch.items():
        made |= {f"{name}.{key}": t for key, t in field.items()} if isinstance(field, dict) else {name: field}
    return made


def nested(tensors: dict[str, Tensor | Ragged]) -> Batch | Columns:
    """Undo `flat`."""
    made: dict[str, Field] = {}
    for path, tensor in tensors.items():
        name, _, key = path.partition(".")
        if key:
            made.setdefault(name, {})[key] = tensor
        else:
            made[name] = tensor
    return made


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Writer:
    """Writes examples, split by split, into a folder that nobody reads yet (core/disk.growing_folder)."""

    def __init__(self, folder: Path, example: Columns):
        """example: columns of any size that show what the fields are."""
        self.folder = folder
        self.fields = [Kept.of(name, column) for name, column in flat(example).items()]
        wide = sum(field.wide for field in self.fields)
        self.block = 1 << min(BLOCK_ROWS, max(1, BLOCK_BYTES // wide)).bit_length() - 1
        self.shard = self.block * max(1, SHARD_BYTES // (self.block * wide))
        self.rows = dict.fromkeys(PARTS, 0)
        self.files: dict[str, tuple[int, Any]] = {}  # name → bytes so far, and their hash

    def add(self, part: str, examples: Columns, rows: np.ndarray) -> None:
        """More examples of one split; `rows` [N] are their numbers in the source."""
        columns = flat(examples)
        done = 0
        while done < len(rows):
            number, within = divmod(self.rows[part], self.shard)
            count = min(len(rows) - done, self.shard - within)
            for field in self.fields:
                column = columns[field.name][done : done + count]
                if isinstance(column, Ragged):
                    self._append(part, number, field.lengths, column.lengths.numpy())
                    column = column.values
                self._append(part, number, field, column.numpy())
            self._append(part, number, ROW, rows[done : done + count])
            done += count
            self.rows[part] += count

    def _append(self, part: str, number: int, field: Kept, values: np.ndarray) -> None:
        name = file_name(part, number, field)
        data = np.ascontiguousarray(values, DTYPES[field.dtype]).tobytes()
        size, sha256 = self.files.get(name) or (0, hashlib.sha256())
        disk.append(self.folder / name, data)
        sha256.update(data)
        self.files[name] = size + len(data), sha256

    def close(self, beside: dict[str, bytes], about: dict[str, Any]) -> None:
        """Have all of it down on the disk, with other files beside it, and the manifest last."""
        for name in self.files:
            with disk.telling(self.folder / name):
                disk.sync(self.folder / name)
        stated = {name: {"sha256": hashed.hexdigest(), "size": size} for name, (size, hashed) in self.files.items()}
        for name, data in beside.items():
            with disk.telling(self.folder / name, len(data)):
                disk.write_file(self.folder / name, data)
            stated[name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        manifest = {
            "format": FORMAT,
            "kind": KIND,
            **about,
            "block": self.block,
            "shard": self.shard,
            "fields": {field.name: field.stated() for field in self.fields},
            "rows": self.rows,
            "files": stated,
        }
        with disk.telling(self.folder / MANIFEST):
            disk.write_file(self.folder / MANIFEST, seal(json.dumps(manifest, indent=1).encode()))


def file_name(part: str, number: int, field: Kept) -> str:
    return f"{part}-{number:05d}.{field.name}.bin"


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_shards(path: Path) -> bool:
    """Whether this folder says that it is one of shards: by a glance, and no promise that it is whole."""
    try:
        return path.is_dir() and f'"kind": "{KIND}"'.encode() in read_file(path / MANIFEST, JSON_BYTES)[:400]
    except Damaged:
        return False


class Shards:
    """A folder of shards, opened: its manifest holds, and every file has the size that it states.

    Their sha256 is compared by `damaged`, which reads everything.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.files, self.stated = read_manifest(self.path)
        if self.stated.get("format") != FORMAT:
            raise BadInput(
                f"{path} was written in format {self.stated.get('format')}, and this version reads {FORMAT}.",
                "Write it again with `mapsto shard`.",
                "M008",
            )
        try:
            stated: Stated = fitted({k: v for k, v in self.stated.items() if k in Stated.__annotations__}, Stated)
            self.rows = {part: stated["rows"][part] for part in PARTS}
            self.fields = [
                Kept(n, f["dtype"], tuple(f["shape"]), f.get("pad", 0), f.get("count", ""))
                for n, f in stated["fields"].items()
            ]
            self.block, self.shard, self.word = stated["block"], stated["shard"], clean(stated["word"], 20)
            whole = self.block > 0 and self.shard > 0 and self.shard % self.block == 0
            ends = {field.name.split(".")[0] for field in self.fields}
            whole = whole and ends == {"input", "target"}
            whole = whole and all(isinstance(f.pad, int | float) and isinstance(f.count, str) for f in self.fields)
            if not whole or any(field.dtype not in DTYPES or field.bytes < 1 for field in self.fields):
                raise ValueError("its rows cannot be read")
        except (Unfit, KeyError, TypeError, ValueError) as error:
            raise Damaged(f"{self.path / MANIFEST}: it does not describe shards ({error}).", AGAIN, "M002") from error
        self._check_sizes()
        self._starts: dict[tuple[str, str], np.ndarray] = {}
        self.reading: dict[str, Any] = {}  # how the source was read (shard_folder.py)
        self.looked_at: dict[
            str, np.ndarray
        ] = {}  # rows of each part whose raw values have been read (shard_folder.py)
        # the manifest names the sha256 of all files, so this stands for every value and its meaning
        self.digest = hashlib.sha256((self.path / MANIFEST).read_bytes()).hexdigest()

    def _check_sizes(self) -> None:
        for part, rows in self.rows.items():
            for number in range(-(-rows // self.shard)):
                count = min(self.shard, rows - number * self.shard)
                for field in (*self.fields, ROW):
                    by_row = field.lengths if field.count else field  # whether its entries are there, `starts` looks
                    name = file_name(part, number, by_row)
                    if self.files.get(name, (-1, ""))[0] != count * by_row.bytes:
                        raise Damaged(f"{self.path / MANIFEST}: its {name} has not {count:,} rows.", AGAIN, "M002")
        for name, (size, _) in self.files.items():
            try:
                there = (self.path / name).stat().st_size
            except OSError as error:
                raise Damaged(f"{self.path / name}: cannot be read ({error.strerror}).", AGAIN, "M001") from error
            if there != size:
                message = f"{self.path / name}: {there:,} bytes, where {size:,} were written."
                raise Damaged(message, AGAIN, "M003")

    def checked(self, name: str) -> Path:
        """Where one of the files is, once it has been compared with its sha256."""
        if self._differs(name):
            raise Damaged(f"{self.path / name}: not the file that was written (sha256 differs).", AGAIN, "M003")
        return self.path / name

    def damaged(self) -> list[str]:
        """The files that are not those which were written: all are read."""
        return [name for name in self.files if self._differs(name)]

    def _differs(self, name: str) -> bool:
        hashed = hashlib.sha256()
        try:
            with open(self.path / name, "rb") as file:
                while data := file.read(HASHED_AT_ONCE):
                    hashed.update(data)
        except OSError as error:
            raise Damaged(f"{self.path / name}: cannot be read ({error.strerror}).", AGAIN, "M001") from error
        return hashed.hexdigest() != self.files.get(name, (0, ""))[1]

    def view(self, part: str, granted: int = 0, device: torch.device | str = "cpu") -> ShardView:
        """granted: bytes that the chunks of an order may take together; 0 is `granted()`."""
        return ShardView(self, part, granted or default_grant(), torch.device(device))

    def reader(self, part: str) -> Reader:
        return Reader(self, part)

    def starts(self, part: str, field: Kept) -> np.ndarray:
        """Where the entries of each row of a split begin in a ragged field, all shards one after the other, and where the last
        ones end: [N + 1]. Read once, and kept."""
        key = (part, field.name)
        if key not in self._starts:
            rows = self.rows[part]
            lengths = self.reader(part).gather([field.lengths], np.arange(rows))[field.lengths.name].numpy()
            starts = np.concatenate([[0], lengths.cumsum(dtype=np.int64)])
            edges = np.minimum(np.arange(-(-rows // self.shard) + 1) * self.shard, rows)
            sizes = [self.files.get(file_name(part, k, field), (-1, ""))[0] for k in range(len(edges) - 1)]
            if (lengths < 0).any() or (np.diff(starts[edges]) * field.bytes).tolist() != sizes:
                message = (
                    f"{self.path}: the lengths of '{clean(field.name, 40)}' in {part} are not those of its entries."
                )
                raise Damaged(message, AGAIN, "M002")
            self._starts[key] = starts
        return self._starts[key]

    def called(self, part: str, rows: Sequence[int]) -> list[str]:
        """What these rows of a split are called in the source: "line 17"."""
        return [f"{self.word} {number}" for number in self.numbers(part, rows)]

    def numbers(self, part: str, rows: Sequence[int]) -> list[int]:
        """The numbers that these rows of a split have in the source: of lines, rows or pictures, from 1."""
        reader = self.reader(part)
        return reader.gather([ROW], np.array(rows, dtype=np.int64))[ROW.name].tolist()


def default_grant() -> int:
    """Bytes for the chunks of an order: a gibibyte, or a sixteenth of what this process may still take."""
    return min(GRANTED, devices.room() // 16)


class ShardView(View):
    """One split, of which an order's current chunk and the next are resident. Any other row is read when it is asked for, and so
    are all rows where a field is ragged: of those, the lengths alone are resident."""

    def __init__(self, shards: Shards, part: str, granted: int, device: torch.device):
        self.shards, self.part, self.device = shards, part, device
        self.count, self.block = shards.rows[part], shards.block
        self.blocks = -(-self.count // self.block)  # of which the last may be short
        wide = sum(field.wide for field in shards.fields) + 2 * 8  # and the row's place, twice
        self.at_once = max(1, min(granted // (2 * wide * self.block), self.blocks))  # blocks a chunk
        ragged = [np.diff(shards.starts(part, field)) for field in shards.fields if field.count]
        self.lengths = torch.from_numpy(np.stack(ragged, axis=1)) if ragged else None
        self.indexed = torch.device("cpu") if ragged else device
        self._reader = Reader(shards, part)
        self._orders: dict[tuple[int, ...], ShardOrder] = {}
        self._slabs: list[_Slab] = []
        self._thread: ThreadPoolExecutor | None = None
        self._drawn: tuple[Tensor | None, list[_Drawn]] = (None, [])

    def __len__(self) -> int:
        return self.count

    def gather(self, index: Tensor, pad_to: Sequence[int] = ()) -> Batch:
        if index is self._drawn[0]:  # a piece of an order, as it came: known without a look at the numbers
            return nested(self._resident(self._drawn[1]))
        index = index.cpu()
        batch = self.columns(index)
        if self.lengths is not None:
            batch = gathered(batch, torch.arange(len(index)), iter(pad_to or self.longest(index)))
        return over(batch, self._there)

    def columns(self, index: Tensor) -> Columns:
        """The examples at `index` [B] on the CPU, ragged where they are."""
        return nested(self._reader.gather(self.shards.fields, index.numpy()))

    def _there(self, tensor: Tensor) -> Tensor:
        """On the device, without waiting for what it is at."""
        return (
            tensor.pin_memory().to(self.device, non_blocking=True)
            if self.device.type == "cuda"
            else tensor.to(self.device)
        )

    def order(self, seed: tuple[int, ...], then: tuple[int, ...] = ()) -> ShardOrder | Tensor:
        if self.lengths is not None:
            return seeds.shuffled(len(self), *seed).to(self.device)
        made = self._orders.get(seed) or ShardOrder(self, seed)
        made.then = (self._orders.get(then) or ShardOrder(self, then)) if then else None
        self._orders = {o.seed: o for o in (made, made.then) if o is not None}
        return made

    def _resident(self, drawn: list[_Drawn]) -> dict[str, Tensor]:
        """The rows that were drawn, out of chunks that are resident once this is done; then the next is begun."""
        needed = [piece.chunk for piece in drawn]
        parts = [self._slab(chunk, needed).gather(piece.places) for piece, chunk in zip(drawn, needed, strict=True)]
        following = needed[-1].following()
        if len(needed) == 1 and following and all(slab.chunk != following for slab in self._slabs):
            self._begin(following, needed)
        if len(parts) == 1:
            return parts[0]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _slab(self, chunk: _Chunk, needed: list[_Chunk]) -> _Slab:
        slab = next((slab for slab in self._slabs if slab.chunk == chunk), None) or self._begin(chunk, needed)
        slab.wait()
        return slab

    def _begin(self, chunk: _Chunk, needed: list[_Chunk]) -> _Slab:
        """Have the thread read a chunk into a slab that holds none of those needed."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="mapsto-shards")
            rows = min(self.at_once * self.block, self.count)
            self._slabs = [_Slab(self.shards, self.part, rows, self.device) for _ in range(2)]
        slab = next(slab for slab in self._slabs if slab.chunk not in needed or slab.chunk is None)
        slab.begin(chunk, self._thread)
        return slab


class ShardOrder:
    """The rows of a view: all blocks permuted and cut into chunks, then the rows of each chunk permuted."""

    def __init__(self, view: ShardView, seed: tuple[int, ...]):
        self.view, self.seed = view, seed
        self.then: ShardOrder | None = None
        self.blocks = seeds.shuffled(view.blocks, *seed)
        self.chunks = -(-view.blocks // view.at_once)
        self.short = -len(view) % view.block  # rows that the last block lacks
        at = int((self.blocks == view.blocks - 1).nonzero()) // view.at_once if view.blocks else 0
        starts = torch.arange(self.chunks + 1) * view.at_once * view.block
        starts[at + 1 :] -= self.short
        starts[-1] = len(view)
        self.starts = starts.tolist()  # of each chunk in the order
        self._made: dict[int, _Rows] = {}

    def split(self, size: int) -> _Pieces:
        return _Pieces(self, size)

    def rows(self, begin: int, end: int) -> Tensor:
        """Rows begin … end − 1 of the order."""
        first = bisect_right(self.starts, begin) - 1
        drawn, index = [], []
        for k in range(first, self.chunks):
            low, high = max(begin, self.starts[k]), min(end, self.starts[k + 1])
            if low >= high:
                break
            made, here = self._chunk(k), slice(low - self.starts[k], high - self.starts[k])
            drawn.append(_Drawn(_Chunk(self, k), made.places[here]))
            index.append(made.index[here])
        together = index[0] if len(index) == 1 else torch.cat(index)
        if len(drawn) <= 2:  # of more, no more than two would be resident at once
            self.view._drawn = (together, drawn)
        return together

    def blocks_of(self, k: int) -> Tensor:
        """The blocks of a chunk as they lie in a slab: the short one last, so that a row's place follows from its block's."""
        mine = self.blocks[k * self.view.at_once : (k + 1) * self.view.at_once]
        last = mine == self.view.blocks - 1
        return torch.cat([mine[~last], mine[last]])

    def _chunk(self, k: int) -> _Rows:
        if k not in self._made:
            count, block = self.starts[k + 1] - self.starts[k], self.view.block
            places = seeds.shuffled(count, *self.seed, k)
            index = self.blocks_of(k)[places // block] * block + places % block
            device = self.view.device
            self._made = {n: rows for n, rows in self._made.items() if n == k - 1}
            self._made[k] = _Rows(index.to(device), places.to(device))
        return self._made[k]


class _Pieces(Sequence[Tensor]):
    """An order cut into pieces of one size, each made when it is asked for."""

    def __init__(self, order: ShardOrder, size: int):
        self.order, self.size = order, size

    def __len__(self) -> int:
        return -(-len(self.order.view) // self.size)

    def __getitem__(self, part: int) -> Tensor:
        if not 0 <= part < len(self):
            raise IndexError(part)
        return self.order.rows(part * self.size, min((part + 1) * self.size, len(self.order.view)))


@dataclass(frozen=True)
class _Rows:
    """A chunk's rows in their order [R]: their numbers in the view, and their places in a slab."""

    index: Tensor
    places: Tensor


@dataclass(frozen=True)
class _Chunk:
    order: ShardOrder
    k: int

    def following(self) -> _Chunk | None:
        if self.k + 1 < self.order.chunks:
            return _Chunk(self.order, self.k + 1)
        return _Chunk(self.order.then, 0) if self.order.then else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Chunk) and (self.order.seed, self.k) == (other.order.seed, other.k)


@dataclass(frozen=True)
class _Drawn:
    chunk: _Chunk
    places: Tensor


class _Slab:
    """Room for one chunk, on the device; a chunk is read into it by a thread, with files of its own."""

    def __init__(self, shards: Shards, part: str, rows: int, device: torch.device):
        self.fields, self.reader = shards.fields, Reader(shards, part)
        self.tensors = {field.name: field.empty(rows, pinned=device.type == "cuda") for field in shards.fields}
        self.here = self.tensors if device.type == "cpu" else {n: t.to(device) for n, t in self.tensors.items()}
        self.chunk: _Chunk | None = None
        self.coming: Future[int] | None = None

    def begin(self, chunk: _Chunk, thread: ThreadPoolExecutor) -> None:
        self.wait()
        self.chunk = chunk
        self.coming = thread.submit(self._read, chunk)

    def wait(self) -> None:
        """Until what is coming is here."""
        if self.coming is None:
            return
        coming, chunk = self.coming, self.chunk
        self.coming = self.chunk = None  # nothing is here if reading failed
        rows = coming.result()
        for name, tensor in self.tensors.items():
            if self.here[name] is not tensor:
                self.here[name][:rows].copy_(tensor[:rows])
        self.chunk = chunk

    def gather(self, places: Tensor) -> dict[str, Tensor]:
        return {name: tensor.index_select(0, places) for name, tensor in self.here.items()}

    def _read(self, chunk: _Chunk) -> int:
        """The rows of the chunk, block by block; returns how many."""
        view, blocks = chunk.order.view, chunk.order.blocks_of(chunk.k).tolist()
        begin = 0
        for block in blocks:
            first = block * view.block
            count = min(view.block, view.count - first)
            self.reader.into(self.tensors, self.fields, begin, first, count)
            begin += count
        return begin


class Reader:
    """Reads rows of one split. Not for two threads at a time."""

    def __init__(self, shards: Shards, part: str):
        self.shards, self.part = shards, part
        self.open: dict[str, BinaryIO] = {}

    def gather(self, fields: list[Kept], index: np.ndarray) -> dict[str, Tensor | Ragged]:
        """The rows at `index` [B], neighbours with one read."""
        columns = {field.name: self._room(field, index) for field in fields}
        edges = np.flatnonzero(np.diff(index) != 1) + 1
        for a, b in pairwise([0, *edges.tolist(), len(index)]):
            if b > a:
                self.into(columns, fields, a, int(index[a]), b - a)
        return columns

    def _room(self, field: Kept, index: np.ndarray) -> Tensor | Ragged:
        """A column for the rows at `index`, with nothing in it yet."""
        if not field.count:
            return field.empty(len(index))
        starts = self.shards.starts(self.part, field)
        offsets = torch.from_numpy(np.concatenate([[0], (starts[index + 1] - starts[index]).cumsum()]))
        return Ragged(field.empty(int(offsets[-1])), offsets, field.pad, field.count)

    def into(self, columns: dict[str, Tensor | Ragged], fields: list[Kept], begin: int, first: int, count: int) -> None:
        """Rows first … first + count − 1, put at begin … of `columns`."""
        if not 0 <= first <= first + count <= self.shards.rows[self.part]:
            raise IndexError(f"{self.part} has {self.shards.rows[self.part]} rows, but {first}:{first + count} came")
        while count:
            number, within = divmod(first, self.shards.shard)
            here = min(count, self.shards.shard - within)
            for field in fields:
                column, low, high, entry = columns[field.name], begin, begin + here, within
                if isinstance(column, Ragged):
                    starts = self.shards.starts(self.part, field)
                    low, high, entry = (
                        *column.offsets[[low, high]].tolist(),
                        int(starts[first] - starts[first - within]),
                    )
                    column = column.values
                self._fill(file_name(self.part, number, field), column[low:high], entry * field.bytes)
            begin, first, count = begin + here, first + here, count - here

    def _fill(self, name: str, tensor: Tensor, offset: int) -> None:
        path = self.shards.path / name
        if not tensor.numel():
            return
        try:
            if name not in self.open:
                self.close() if len(self.open) >= OPEN else None
                self.open[name] = open(path, "rb", buffering=0)  # noqa: SIM115  kept for the next block
            file = self.open[name]
            file.seek(offset)
            rest = memoryview(tensor.numpy()).cast("B")
            while rest:
                read = file.readinto(rest)
                if not read:
                    raise Damaged(f"{path}: it ends at byte {offset + tensor.nbytes - len(rest):,}.", AGAIN, "M003")
                rest = rest[read:]
        except OSError as error:
            raise Damaged(f"{path}: cannot be read ({error.strerror}).", AGAIN, "M001") from error

    def close(self) -> None:
        for file in self.open.values():
            file.close()
        self.open.clear()

    def __del__(self) -> None:
        self.close()
