"""`mapsto shard`: from a source of any size to a folder of encoded examples that training streams from."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mapsto
from mapsto.core import disk, names
from mapsto.core.errors import BadInput, DataError
from mapsto.core.faults import Faults
from mapsto.core.nouns import Finding, Raw
from mapsto.core.stop import Stop
from mapsto.core.text import clean, many
from mapsto.data.shards import PARTS, Shards, Writer

if TYPE_CHECKING:
    import pyarrow as pa

    from mapsto.framing.survey import Settled

LOOKED_AT, LOOKED_AT_BYTES = 20_000, 64 << 20  # of each part: the sample that checks, baselines and the report look at


def shard(
    source: Any,
    out: str | Path,
    target: str | list[str] | None = None,
    *,
    columns: list[str] | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    data_dir: str | Path | None = None,
    unreadable: float | None = None,
    split_column: str | None = None,
    group: str | None = None,
    time: str | None = None,
    folds: int = 0,
    split_seed: int = 0,
    settings: dict[str, Any] | None = None,
) -> Shards:
    """Write `source`, read in blocks and never whole, as a new folder `out` that `train` and the other verbs read.

    Arguments as of `frame`; settings: by path, {"data.kinds.zip": "category", "data.split.test": 0.1}.
    The folder appears whole or not at all. Raises BadInput where there is something at `out` already, where the source cannot
    be read, changes meanwhile, or has to be dealt out in a way that no stream can.
    """
    from mapsto.data.stream import stream
    from mapsto.framing.dealer import Dealer
    from mapsto.framing.frame import DATA, SPLIT
    from mapsto.framing.mistakes import in_data
    from mapsto.framing.survey import survey

    out = Path(os.path.expanduser(out))
    if os.path.lexists(out) and not (out.is_dir() and not any(out.iterdir())):
        raise BadInput(f"{out} is there already.", "Name another folder, or remove it first.", "D252")
    split = {"column": split_column or "", "group": group or "", "time": time or "", "folds": folds, "seed": split_seed}
    data: dict[str, Any] = {**copy.deepcopy(DATA), "source": str(source), "split": {**SPLIT, **split}}
    for path, value in (settings or {}).items():
        _put(data, path, value)
    in_data({"data": data, "run": {}}).refuse()
    dealer = Dealer(data["split"])
    reading = {"columns": columns, "encoding": encoding, "separator": separator, "unreadable": unreadable}
    reading = {k: v for k, v in {**reading, "data_dir": data_dir}.items() if v is not None}
    with Stop():
        rows = stream(source, **reading)
        rows.look(dealer.look)
        dealer.settle()
        settled = survey(rows, target, dealer, data)
        with disk.growing_folder(out) as folder:
            _write(settled, folder, {k: v for k, v in reading.items() if k in ("columns", "encoding", "separator")})
    return Shards(out)


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    """One setting of [data]; others are for training."""
    words = path.split(".")
    if words[0] != "data" or len(words) not in (2, 3):
        raise BadInput(
            f"'{clean(path)}' is no setting of shards.", "Give it to `mapsto train`; here are data.… only.", "F004"
        )
    owner = data if len(words) == 2 else data.setdefault(words[1], {})
    owner[words[-1]] = value


def _write(settled: Settled, folder: Path, reading: dict[str, Any]) -> None:
    """The third pass: every row encoded and put down; a sample of the raw rows beside them."""
    writer: Writer | None = None
    sample: dict[int, _Sample] = {}
    for raw, lines in settled.stream.blocks():
        raw, parts, lines = settled.rows(raw, lines)
        if not len(raw):
            continue
        if writer is None:
            writer = Writer(folder, settled.encoded(raw, np.arange(1)))
            wide = sum(field.wide for field in writer.fields)
            most = min(LOOKED_AT, max(100, LOOKED_AT_BYTES // wide))
            sample = {p: _Sample(settled.counts.get(p, 0), most) for p in range(len(PARTS))}
        for p, part in enumerate(PARTS):
            rows = np.flatnonzero(parts == p)
            if len(rows):
                sample[p].add(raw, rows, lines[rows], settled.stream.word)
                writer.add(part, settled.encoded(raw, rows), lines[rows])
    if writer is None or any(sample[p].rows != sample[p].seen for p in sample):
        raise DataError(f"{clean(settled.stream.name)} was changed while it was read.", "Begin again.", "D250")
    found = Faults(settled.findings)
    if unread := settled.stream.unread:
        message, remedy = f"pictures that cannot be read, left out: {len(unread)}", "Copy them again, or remove them."
        found.append(Finding("D030", "repair", message, len(unread), tuple(unread[:5]), remedy))
    beside = {
        "about.json": json.dumps(_about(settled, sample, found, reading), ensure_ascii=False).encode(),
        "sample.parquet": _parquet(settled, [sample[p] for p in range(len(PARTS))]),
    }
    writer.close(beside, {"mapsto": mapsto.__version__, "word": settled.stream.word})


class _Sample:
    """`count` of `rows` rows at most, evenly spread: the very rows that an exam with `at_most` looks at."""

    def __init__(self, rows: int, most: int):
        self.rows, self.seen = rows, 0
        self.count = min(rows, most)
        self.wanted = np.arange(self.count) * rows // max(self.count, 1)
        self.columns: list[dict[str, np.ndarray]] = []
        self.labels: list[str] = []

    def add(self, raw: Raw, rows: np.ndarray, lines: np.ndarray, word: str) -> None:
        low, high = np.searchsorted(self.wanted, (self.seen, self.seen + len(rows)))
        chosen = self.wanted[low:high] - self.seen
        if len(chosen):
            self.columns.append({name: values[rows[chosen]] for name, values in raw.columns.items()})
            named = raw.labels[rows[chosen]] if word == "picture" else [f"{word} {line}" for line in lines[chosen]]
            self.labels += map(str, named)
        self.seen += len(rows)


def _parquet(settled: Settled, sample: list[_Sample]) -> bytes:
    """The raw values of the samples of train, valid and test, one after the other; pictures lie encoded in the shards."""
    import pyarrow as pa
    import pyarrow.parquet

    pieces = [piece for part in sample for piece in part.columns]
    left_out = [n for n, kind in settled.kinds.items() if kind.name == "image"]
    arrays = {n: _arrow(np.concatenate([p[n] for p in pieces])) for n in pieces[0] if n not in left_out}
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.table(arrays), sink, row_group_size=1024)  # so that a part of it can be read
    return sink.getvalue().to_pybytes()


def _arrow(values: np.ndarray) -> pa.Array:
    import pyarrow as pa

    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), values.shape[1])
    return pa.array(values.tolist() if values.dtype == object else values)


def _about(settled: Settled, sample: dict[int, _Sample], found: Faults, reading: dict[str, Any]) -> dict[str, Any]:
    """What the columns are, how they were read, and what was noticed."""
    return {
        "name": settled.stream.name,
        "target_name": settled.target_name,
        "targets": settled.wanted,
        "problem": settled.problem,
        "kinds": {name: [kind.name, kind.because] for name, kind in settled.kinds.items()},
        "how_split": settled.dealer.how,
        "formats": settled.stream.formats,
        "reading": reading,
        "domains": {
            end: {"spec": names.spec(domain), "state": domain.state_dict()}
            for end, domain in (("input", settled.input), ("target", settled.target))
        },
        "sampled": {PARTS[p]: s.count for p, s in sample.items()},
        "labels": [label for p in range(len(PARTS)) for label in sample[p].labels],
        "findings": [
            {"code": f.code, "level": f.level, "message": f.message, "count": f.count, "examples": list(f.examples),
             "remedy": f.remedy} for f in found
        ],
        "rows": many(settled.stream.rows, "row"),
    }  # fmt: skip
