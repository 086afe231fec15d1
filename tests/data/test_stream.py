"""A source read block by block holds what it holds when it is read at once, wherever it was cut."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from mapsto.core.errors import DataError
from mapsto.data import stream as streaming
from mapsto.data.folder import Folder
from mapsto.data.frames import objects
from mapsto.data.json_lines import json_lines
from mapsto.data.stream import stream
from mapsto.data.table import Table

ROWS = 400
draw = np.random.default_rng(0)
DAYS = np.datetime64("2019-01-01") + draw.integers(0, 900, ROWS)


def dates(order: str) -> list[str]:
    return [day.item().strftime(order) for day in DAYS]


COLUMNS = {
    "whole": [str(n) for n in draw.integers(-50, 50, ROWS)],
    "whole with gaps": ["" if n % 7 == 0 else str(n) for n in range(ROWS)],
    "real": [f"{n:.3f}" for n in draw.normal(size=ROWS)],
    "real from the last row on": ["3"] * (ROWS - 1) + ["3.5"],
    "dashes among numbers": ["-" if n % 5 == 0 else str(n) for n in range(ROWS)],
    "dashes alone": ["-"] * ROWS,
    "dashes, numbers, and a word at the end": ["-", "1", "2"] * (ROWS // 3) + ["oak"],
    "text in the last row": [str(n) for n in range(ROWS - 1)] + ["oak"],
    "names of digits": [f"{n:05d}" for n in range(ROWS)],
    "names of digits, with gaps": ["NA" if n % 9 == 0 else f"{n:05d}" for n in range(ROWS)],
    "a name of digits in the last row": ["7"] * (ROWS - 1) + ["007"],
    "beyond 2^53 in the last row": ["7"] * (ROWS - 1) + ["9007199254740993"],
    "beyond 2^53 in the first row": ["9007199254740993", *["7"] * (ROWS - 1)],
    "decimal commas, unclear at the end": ["1,5"] * (ROWS // 2) + ["1,234"] * (ROWS // 2),
    "decimal commas": [f"{n:.2f}".replace(".", ",") for n in draw.normal(size=ROWS)],
    "commas between thousands, or not": ["1,234", "5,678"] * (ROWS // 2),
    "yes": ["true", "False"] * (ROWS // 2),
    "yes with gaps": ["true", "", "FALSE", "true"] * (ROWS // 4),
    "yes, and a number at the end": ["true"] * (ROWS - 1) + ["1"],
    "year first": dates("%Y-%m-%d"),
    "year first, with gaps": ["" if n % 4 == 0 else day for n, day in enumerate(dates("%Y/%m/%d"))],
    "year first, with hours": [f"{day} 12:30" for day in dates("%Y-%m-%d")],
    "day first": dates("%d.%m.%Y"),
    "month first": dates("%m/%d/%Y"),
    "day or month first": ["01/02/2020", "03/04/2021"] * (ROWS // 2),
    "no date at the end": [*dates("%Y-%m-%d")[:-1], "2021-02-30"],
    "dates, then text": [*dates("%Y-%m-%d")[:-1], "later"],
    "words": draw.choice(["oak", "elm", "ash"], ROWS).tolist(),
    "words with gaps": draw.choice(["oak", "NA", "", "null", "None"], ROWS).tolist(),
    "with blanks": [f" {word} " for word in draw.choice(["oak", "7"], ROWS)],
    "money": [f"$ {n}" for n in range(ROWS)],
    "money, plain at first": [str(n) for n in range(ROWS // 2)] + [f"{n} €" for n in range(ROWS // 2)],
    "infinite": ["1.5", "inf", "-Infinity", "2"] * (ROWS // 4),
    "nothing": ["", "NA"] * (ROWS // 2),
}


def written(columns: dict[str, list[str]], separator: str, end: str = "\n") -> str:
    lines = [separator.join(columns), *(separator.join(cells) for cells in zip(*columns.values(), strict=True))]
    return end.join(lines) + end


def whole(blocks: list) -> dict[str, np.ndarray]:
    """The blocks as one."""
    names = list(blocks[0].columns)
    made = {}
    for name in names:
        pieces = [raw.columns[name] for raw in blocks]
        assert len({p.dtype for p in pieces}) == 1, f"{name}: {[p.dtype for p in pieces]}"
        made[name] = np.concatenate(pieces)
    return made


def same(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype == object:
        return one.tolist() == other.tolist()
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fM")


def streamed(path, **reading):
    """All blocks, and the numbers of their rows."""
    made = stream(path, **reading)
    made.look()
    blocks = list(made.blocks())
    return made, [raw for raw, _ in blocks], np.concatenate([lines for _, lines in blocks])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(streaming, "TEXT_AT_ONCE", 8001)
    monkeypatch.setattr(streaming, "ROWS_AT_ONCE", 37)
    monkeypatch.setattr(streaming, "PICTURES_AT_ONCE", 3)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_table_in_blocks_is_the_table(tmp_path, separator, end):
    columns = {name: cells for name, cells in COLUMNS.items() if separator not in "".join(cells)}
    path = tmp_path / "table.csv"
    path.write_bytes(written({n.replace(",", " "): c for n, c in columns.items()}, separator, end).encode())
    read = Table(separator=separator).read(path)
    made, blocks, lines = streamed(path, separator=separator)
    assert len(blocks) > 5
    found = whole(blocks)
    assert list(found) == list(read.columns)
    wrong = [name for name in found if not same(found[name], read.columns[name])]
    assert not wrong, {name: (found[name][:4], read.columns[name][:4]) for name in wrong}
    assert made.formats == read.formats
    assert [f"line {line}" for line in lines] == read.labels.tolist()
    begun, words = 0, {}
    for raw in blocks:
        for name, said in raw.words.items():
            words.setdefault(name, {}).update({begun + row: word for row, word in said.items()})
        begun += len(raw)
    assert words == {name: said for name, said in read.words.items() if said}


def test_what_is_told_of_a_table_in_blocks_is_what_is_told_of_the_table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(written({n.replace(",", ""): c for n, c in COLUMNS.items()}, ";"))
    told = {(f.code, f.level, f.count, f.examples) for f in Table().read(path).findings}
    found = {(f.code, f.level, f.count, f.examples) for f in streamed(path)[0].findings}
    assert {code for code, *_ in found} == {code for code, *_ in told}
    # of dates that are none, one is found where all were; the rest is the same
    assert {f for f in told if f[0] != "D014"} == {f for f in found if f[0] != "D014"}


def test_quotes_line_breaks_and_blank_lines_within_a_table(tmp_path):
    path = tmp_path / "table.csv"
    rows = [f'"a ""b"" {n}\nand, on",{n}\n' + "\n" * (n % 3) for n in range(1500)]
    path.write_text("text,number\n" + "".join(rows))
    read = Table().read(path)
    _, blocks, lines = streamed(path)
    assert len(blocks) > 2 and same(whole(blocks)["text"], read.columns["text"])
    assert [f"line {line}" for line in lines] == read.labels.tolist()


def test_packed_and_with_a_byte_order_mark(tmp_path):
    text = written({"a": COLUMNS["real"], "b": COLUMNS["words"]}, ",")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    found = whole(streamed(tmp_path / "t.csv.gz")[1])
    assert list(found) == ["a", "b"] and len(found["a"]) == ROWS


def test_another_encoding_is_asked_for_and_then_read(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("baum,zahl\n" + "Erle,1\n" * 2000 + "Föhre,2\n", encoding="cp1252")
    with pytest.raises(DataError, match=r"not UTF-8, from line [0-9]+ on(.|\n)*--encoding") as caught:
        streamed(path)
    assert caught.value.code == "D112"
    assert whole(streamed(path, encoding="cp1252")[1])["baum"][-1] == "Föhre"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("a,b\n" + "1,2\n" * 3000 + "1,2,3\n", "D115", "3 cells"),
        ("a,b\n" + "1,2\n" * 3000 + '"1,2\n' + "1,2\n" * 3000, "D116", "never closed"),
        ("a,b\n", "D107", "no rows"),
        ("a,a\n1,2\n", "D114", "same name"),
        ("", "D106", "empty"),
        ("a,b\n" + "1,2\n" * 3000 + "1,\0\n", "D117", "line 3002"),
    ],
)
def test_what_is_wrong_anywhere_in_a_table_is_told(tmp_path, text, code, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        streamed(tmp_path / "t.csv")
    assert caught.value.code == code


def test_json_lines_in_blocks_are_the_table(tmp_path):
    rows = []
    for n in range(ROWS):
        row = {"whole": n, "real": n / 3, "yes": n % 2 == 0, "word": "oak", "list": ["a"] * (n % 3), "in": {"ner": n}}
        row |= {
            "gaps": None if n % 5 == 0 else n,
            "mixed": "oak" if n == ROWS - 1 else n,
            "large": 2**60 if n == 7 else n,
        }
        if n > 300:
            row["late"] = n
        if n > 200:
            row["late yes"] = True
        rows.append(row)
    text = "\n".join(map(json.dumps, rows))
    (tmp_path / "t.jsonl").write_text(text)
    read = json_lines(text, "t.jsonl")
    made, blocks, _ = streamed(tmp_path / "t.jsonl")
    found = whole(blocks)
    assert len(blocks) > 3 and list(found) == list(read.columns)
    assert [name for name in found if not same(found[name], read.columns[name])] == []
    assert {f.code for f in made.findings} == {"D023"}


def test_parquet_in_blocks_is_the_table(tmp_path):
    whole_numbers = list(range(ROWS))
    table = pa.table(
        {
            "whole": pa.array(whole_numbers),
            "gap at the end": pa.array([*whole_numbers[:-1], None]),
            "large at the end": pa.array([*whole_numbers[:-1], 2**60]),
            "large at first": pa.array([2**60, *whole_numbers[1:]]),
            "yes": pa.array([True] * ROWS),
            "yes, gap at the end": pa.array([True] * (ROWS - 1) + [None]),
            "word": pa.array(COLUMNS["words"]).dictionary_encode(),
            "day": pa.array(DAYS),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(draw.normal(size=3 * ROWS)), 3),
            "vector, gap at the end": pa.array([[1.0, 2.0]] * (ROWS - 1) + [None], pa.list_(pa.float64(), 2)),
            "struct": pa.array([{"a": n, "b": str(n)} for n in whole_numbers]),
            "bytes": pa.array([b"x"] * ROWS),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet", row_group_size=100)
    read = Table().read(tmp_path / "t.parquet")
    _, blocks, lines = streamed(tmp_path / "t.parquet")
    found = whole(blocks)
    assert len(blocks) > 5 and set(found) == set(read.columns)
    assert [name for name in found if not same(found[name], read.columns[name])] == []
    assert lines.tolist() == list(range(1, ROWS + 1))


def test_a_source_that_changes_meanwhile_is_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 100)
    made = stream(path)
    made.look()
    path.write_text("a,b\n" + "1,2\n" * 101)
    with pytest.raises(DataError, match="was changed while it was read") as caught:
        list(made.blocks())
    assert caught.value.code == "D250"


def test_pictures_in_blocks_are_the_pictures(tmp_path):
    for n in range(11):
        for name in ("cat", "dog"):
            (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
            pixels = np.full((8, 8 + n % 2, 3), 10 * n, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{n}.png")
    (tmp_path / "photos" / "cat" / "x.png").write_bytes(b"no picture")
    read = Folder().read(tmp_path / "photos")
    made, blocks, _ = streamed(tmp_path / "photos")
    pixels = [p for raw in blocks for p in raw.columns["image"]]
    assert len(blocks) > 5 and all(np.array_equal(a, b) for a, b in zip(pixels, read.columns["image"], strict=True))
    assert [label for raw in blocks for label in raw.labels] == read.labels.tolist()
    assert made.unread and "x.png" in made.unread[0]


def test_what_is_no_file_of_rows_is_handed_on_in_blocks():
    arrays = {"x": draw.normal(size=(100, 2)), "y": objects(["a", "b"] * 50)}
    _, blocks, _ = streamed(arrays)
    assert [len(raw) for raw in blocks] == [37, 37, 26] and same(whole(blocks)["x"], arrays["x"])
