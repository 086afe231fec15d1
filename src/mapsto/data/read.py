"""From what the user names to raw columns: `read("reviews.csv")`, `read("photos/")`, `read("mnist")`, `read((X, y))`.

Codes of the findings that sources make:

    D010 encoding      D011 separator     D012 missing       D013 blanks cut    D014 odd cells     D015 unclear dates
    D016 kept as text  D017 decimal comma D018 no name       D019 plain quotes  D020 empty column  D021 nested
    D022 second header D023 mixed kinds   D024 raw bytes     D025 line breaks   D026 numbered columns
    D030 unreadable    D031 converted     D032 turned        D033 first frame   D034 16-bit        D035 empty class
    D036 shrunk        D037 broken links  D038 no picture    D039 not in table  D040 ignored       D041 outside classes
    D042 grey to RGB   D043 partial columns D044 stray boxes D045 other format  D046 slivers       D047 closed folders
    D048 links outside D049 classes alike D056 kinds unread D057 lines left out D058 layers left out
    D050 files read    D051 one-hot       D052 channels      D053 [0, 1]        D054 flattened     D055 left out
    D063 several exams D064 empty lines
    D060 random items  D070 named set     D071 not official  D072 downloaded    D085 plain text
    D283 loops, doubles D284 both ways    D285 degrees       D287 edges say more C090 isolated
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.core.errors import BadInput, DataError
from mapsto.core.names import near
from mapsto.core.text import clean

if TYPE_CHECKING:
    from mapsto.core.nouns import Raw, Source

NAMED = {
    "iris": "150 flowers, 4 measures, 3 species (Fisher 1936)",
    "wine": "178 wines, 13 chemical measures, 3 cultivars",
    "breast-cancer": "569 tumours, 30 measures of cell nuclei, malignant or benign",
    "diabetes": "442 patients, 10 measures, progression after a year as a number",
    "digits": "1797 handwritten digits, grey 8 × 8",
    "mnist": "70000 handwritten digits, grey 28 × 28 (LeCun et al. 1998)",
    "mnist-sets": "24000 pictures, grey 56 × 56, of one to four MNIST digits: which ones are shown?",
    "mnist-words": "70000 handwritten digits, grey 28 × 28, each with a few words about it: to be drawn from them",
    "fashion-mnist": "70000 pieces of clothing, grey 28 × 28, 10 kinds (Xiao et al. 2017)",
    "cifar-10": "60000 photographs, colour 32 × 32, 10 kinds (Krizhevsky 2009)",
}


def read(
    where: Any,
    *,
    target: str | None = None,
    columns: list[str] | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    data_dir: str | Path | None = None,
    formats: dict[str, str] | None = None,
    unreadable: float | None = None,
    forgiving: bool = False,
    download: bool = True,
    prose: bool = False,
) -> Raw:
    """Everything that `where` holds, as raw columns.

    where: a path (table, tagged sentences, .npz, idx file, folder, zip), "-" for a table from standard input, the name of a named
    set, a world to act in (env:CartPole-v1), a pandas or polars frame, a dict of arrays, a tuple (X, y), a graph of networkx or
    PyTorch Geometric, or a map-style torch Dataset. A folder holds pictures by class, or with a table of labels, or with COCO
    annotations; or tables.
    target: the column to learn; columns, encoding, separator: how to read a text table; data_dir: where named sets lie.
    download: whether a named set that is not here may be fetched.
    formats: how a text table's columns write dates and decimals, as another reading found out (`Raw.formats`).
    unreadable: the share of pictures that may be unreadable and left out; see data/album.py for what it is unasked.
    forgiving: what is wrong but can be read around (two columns of one name, a line too long) stays a finding of level
    error, for a frame to tell together with all else that is wrong; without it, it is a DataError.
    prose: whether a .txt that is no table, or a folder of such, is wanted as plain text (data/corpus.py).
    BadInput names what is near to a name that is none; DataError says why a source cannot be read.
    """
    from mapsto.core.faults import Faults

    options = {"columns": columns, "encoding": encoding, "separator": separator}
    options["data_dir"] = None if data_dir is None else str(data_dir)
    options |= {"formats": formats or None, "unreadable": unreadable, "download": None if download else False}
    source = _with_options(_source_for(where, prose and not (columns or separator)), options)
    raw = source.read(where)
    if not forgiving:
        Faults(raw.findings).refuse()
    if target is not None:
        if target not in raw.columns:
            hint = near(target, raw.columns)
            raise DataError(
                f"{raw.name} has no column '{target}'." + (f" Near it: {', '.join(hint)}." if hint else ""),
                f"Its columns: {_listed(list(raw.columns))}.",
                "D130",
            )
        raw.target = target
    return raw


def named() -> dict[str, str]:
    """The named sets, with a line on each. Imports nothing."""
    return dict(NAMED)


def _source_for(where: Any, prose: bool) -> type[Source]:
    if isinstance(where, str | Path):
        return _source_for_path(where, prose)
    from mapsto.data.arrays import Arrays
    from mapsto.data.frames import Frames

    for source in (Frames, *_of_graphs(), Arrays):
        if source().accepts(where):
            return source
    from mapsto.data.torch_dataset import TorchDataset

    if TorchDataset().accepts(where):
        return TorchDataset
    raise BadInput(
        f"a {type(where).__name__} cannot be read as data.",
        "Expected a path, '-', the name of a named set, a pandas or polars frame, a dict of arrays, a tuple (X, y), a graph of "
        "networkx or PyTorch Geometric, a map-style torch Dataset, or a world to act in by its name ('env:CartPole-v1').",
        "D105",
    )


def _source_for_path(where: str | Path, prose: bool) -> type[Source]:
    """An existing path first, else a named set, or a world to act in."""
    if str(where) == "-":
        from mapsto.data.table import Table

        return Table
    path = Path(os.path.expanduser(where))  # leaves ~nobody as it is
    if os.path.exists(path):
        for source in _of_paths(prose):
            if source().accepts(path):
                return source
        alone = "An array alone goes into an .npz: np.savez('x.npz', x=array). " * (path.suffix.lower() == ".npy")
        raise BadInput(
            f"'{clean(str(where), 200)}' is of no kind that can be read.",
            f"{alone}Expected a table (.csv .tsv .txt .jsonl .ndjson .parquet, also .gz), tagged sentences (.conllu .conll), "
            "pictures in a folder or .zip, .npz, an idx file (…-images-idx3-ubyte), or a folder with nodes.csv and edges.csv.",
            "D105",
        )
    from mapsto.data.environment import Environment
    from mapsto.data.zoo import Zoo

    for source in (Zoo, Environment):
        if source().accepts(where):
            return source
    raise BadInput(nothing_there(where), f"Named sets: {', '.join(NAMED)}.", "D105")


def _of_paths(prose: bool) -> Iterator[type[Source]]:
    """What reads files and folders, each imported when its turn comes."""
    from mapsto.data.graph_collection import GraphCollection

    yield GraphCollection
    if prose:
        from mapsto.data.corpus import Corpus

        yield Corpus
    from mapsto.data.shard_folder import ShardFolder

    yield ShardFolder
    from mapsto.data.coco import Coco

    yield Coco
    from mapsto.data.pairs import Pairs

    yield Pairs
    from mapsto.data.conll import Conll

    yield Conll
    from mapsto.data.graph_tables import GraphTables

    yield GraphTables
    from mapsto.data.folder import Folder

    yield Folder
    from mapsto.data.table import Table

    yield Table
    from mapsto.data.graph_arrays import GraphArrays

    yield GraphArrays
    from mapsto.data.arrays import Arrays

    yield Arrays


def is_graph(where: Any) -> bool:
    """Whether an object in memory is a graph: arrays with edges, a `Data` of PyTorch Geometric, a graph of networkx."""
    return not isinstance(where, str | Path) and any(source().accepts(where) for source in _of_graphs())


def _of_graphs() -> Iterator[type[Source]]:
    from mapsto.data.graph_arrays import GraphArrays
    from mapsto.data.networkx_graph import NetworkxGraph

    yield GraphArrays
    yield NetworkxGraph


def nothing_there(where: str | Path) -> str:
    """That a word or path leads to nothing, with what it may have meant: named sets, and files that are there."""
    path, where = Path(os.path.expanduser(where)), clean(str(where), 200)
    hint = near(where, NAMED)
    hint += [f"env:{where}"] if re.fullmatch(r"[\w/-]+-v\d+", where) else []
    said = f"'{where}' is no file, no folder and no named set."
    folder = path.parent
    if os.path.isdir(folder):
        hint += [str(folder / n) if folder != Path(".") else n for n in near(path.name, _names_in(folder))]
    else:
        while not os.path.isdir(folder):
            folder, missing = folder.parent, folder
        said = f"'{where}': there is no folder '{clean(str(missing), 200)}'."
        hint += [str(folder / n) for n in near(missing.name, _names_in(folder))]
    return said + (f" Near it: {', '.join(hint[:4])}." if hint else "")


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir())[:10_000]
    except OSError:
        return []


def _with_options(source: type[Source], options: dict[str, Any]) -> Source:
    """The source with the options that were given; one that it has no use for is a mistake to be told of."""
    known = {f.name for f in fields(source)}  # type: ignore[arg-type]
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        # data_dir may come from a setting that serves every command, formats from data of another kind
        if name not in known and name not in ("data_dir", "formats", "download"):
            kind = "folders of pictures" if name == "unreadable" else "text tables"
            raise BadInput(f"'{name}' is for {kind}; {source.__name__} has no use for it.", "Leave it out.", "F004")
    return source(**{name: value for name, value in given.items() if name in known})


def _listed(names: list[str]) -> str:
    return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
