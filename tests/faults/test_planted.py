"""One fault planted in clean data: `mapsto check` finds it, at its place; and it says nothing of the kind about clean data.

Clean are the bundled tables of scikit-learn and, where the shared data are, those of their README that can be learned, and
small sets of their pictures: each time another sample of 200 to 2,000 rows, without replacement, all columns kept. A fault
is found when a finding or an error with one of its codes names its place (the line, the column, the file).

The control is what a plain script does: pandas.read_csv and isna().any(); pictures: Image.open on each.
"""

from __future__ import annotations

import csv
import io
import os
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from mapsto.core.nouns import Finding
from mapsto.framing.verbs import check

SHARED = Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))


@dataclass(frozen=True)
class Grid:
    """A table as text: what a fault is planted in. Rows are lists of cells, one a column."""

    columns: list[str]
    rows: list[list[str]]
    target: str

    @property
    def at(self) -> int:
        """The place of the target."""
        return self.columns.index(self.target)

    def cells(self, column: str) -> list[str]:
        place = self.columns.index(column)
        return [row[place] for row in self.rows]

    def with_column(self, column: str, cells: list[str]) -> Grid:
        """A copy with these cells, in the place of that column or before the target."""
        if column in self.columns:
            place, old = self.columns.index(column), 1
        else:
            place, old = self.at, 0
        columns = [*self.columns[:place], column, *self.columns[place + old :]]
        rows = [[*row[:place], cell, *row[place + old :]] for row, cell in zip(self.rows, cells, strict=True)]
        return Grid(columns, rows, self.target)

    def text(self, separator: str = ",") -> str:
        file = io.StringIO()
        csv.writer(file, delimiter=separator, lineterminator="\n").writerows([self.columns, *self.rows])
        return file.getvalue()

    def numeric(self) -> list[str]:
        """Columns, but for the target, of numbers in every row."""
        return [c for c in self.columns if c != self.target and all(_is_number(cell) for cell in self.cells(c))]


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace("-", "", 1).replace("e-", "", 1).isdigit()


# -- clean data ----------------------------------------------------------------------------------------------------------

BUNDLED = ("iris", "wine", "breast_cancer", "diabetes", "digits")
TABLES = {  # file, target
    "titanic": ("titanic/train.csv", "Survived"),
    "california": ("california_housing/housing.csv", "median_house_value"),
    "etth1": ("etth1/ETTh1.csv", "OT"),
    "temperatures": ("daily_min_temperatures/daily-min-temperatures.csv", "Temp"),
    "ratings": ("movielens_small/ratings.csv", "rating"),
    "wake words": ("wake_word/metadata.csv", "label"),
}


@cache
def clean(name: str) -> Grid | None:
    """All rows of a clean table; None where it is not here."""
    if name in BUNDLED:
        import sklearn.datasets

        bunch = getattr(sklearn.datasets, f"load_{name}")()
        columns = [column.replace(" ", "_") for column in bunch.feature_names]
        classes = getattr(bunch, "target_names", None)
        answers = [str(classes[t]) if classes is not None else repr(float(t)) for t in bunch.target]
        rows = [[*(f"{cell:g}" for cell in row), answer] for row, answer in zip(bunch.data, answers, strict=True)]
        return Grid([*columns, "answer"], rows, "answer")
    file, target = TABLES[name]
    if not (SHARED / file).is_file():
        return None
    with (SHARED / file).open(encoding="utf-8", newline="") as lines:
        columns, *rows = csv.reader(lines)
    return Grid(columns, rows, target)


def sample(random: Random) -> Grid:
    """200 to 2,000 rows of one of the clean tables (all of a smaller one)."""
    grids = [grid for name in (*BUNDLED, *TABLES) if (grid := clean(name)) is not None]
    grid = random.choice(grids)
    rows = random.sample(grid.rows, min(random.randint(200, 2000), len(grid.rows)))
    return replace(grid, rows=rows)


# -- faults --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planted:
    """What somebody hands to `check`, and what has to be found: one of `codes`, naming each of `place`."""

    files: dict[str, bytes]
    codes: tuple[str, ...]
    place: tuple[str, ...] = ()
    how: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    count: int = 0  # at least so many are told of
    source: str = "a.csv"


Plant = Callable[[Random, Grid], Planted | None]  # None: this fault has no place in these data
PLANTS: dict[str, Plant] = {}


def plants(fault: Plant) -> Plant:
    PLANTS[fault.__name__] = fault
    return fault


def file_of(grid: Grid, codes: str, *place: str, separator: str = ",", **more) -> Planted:
    return Planted({"a.csv": grid.text(separator).encode()}, tuple(codes.split()), place, target=grid.target, **more)


def lines_of(lines: list[str], grid: Grid, codes: str, *place: str) -> Planted:
    return Planted({"a.csv": "\n".join(lines).encode() + b"\n"}, tuple(codes.split()), place, target=grid.target)


def _written(grid: Grid) -> list[str]:
    """The lines of the file; a row is one line."""
    return grid.text().split("\n")[:-1]


@plants
def two_columns_of_one_name(random: Random, grid: Grid) -> Planted:
    first, second = random.sample([c for c in grid.columns if c != grid.target] * 2, 2)
    if first == second:
        grid = replace(grid, columns=[*grid.columns, first], rows=[[*row, "1"] for row in grid.rows])
    else:
        grid = replace(grid, columns=[first if c == second else c for c in grid.columns])
    return file_of(grid, "D114", f"'{first}'")


@plants
def a_value_too_many(random: Random, grid: Grid) -> Planted:
    lines = _written(grid)
    row = random.randrange(1, len(lines))
    lines[row] += f",{random.randint(0, 99)}"
    return lines_of(lines, grid, "D115", f"line {row + 1} ")


@plants
def a_value_too_few(random: Random, grid: Grid) -> Planted:
    lines = _written(grid)
    row = random.randrange(1, len(lines))
    lines[row] = lines[row].rpartition(",")[0]
    return lines_of(lines, grid, "D115", f"line {row + 1} ")


@plants
def a_value_too_many_in_every_row(random: Random, grid: Grid) -> Planted:
    lines = _written(grid)
    return lines_of([lines[0], *(f"{line},{random.randint(0, 99)}" for line in lines[1:])], grid, "D115", "line 2 ")


@plants
def a_file_cut_off(random: Random, grid: Grid) -> Planted:
    lines = _written(grid)
    row = random.randrange(len(lines) // 2, len(lines))
    return lines_of([*lines[:row], lines[row][: lines[row].index(",")]], grid, "D115", f"line {row + 1} ")


@plants
def a_quote_never_closed(random: Random, grid: Grid) -> Planted:
    lines = _written(grid)
    row = random.randrange(1, len(lines))
    lines[row] = '"' + lines[row]
    return lines_of(lines, grid, "D116 D115", f"line {row + 1} ")


@plants
def a_bad_byte(random: Random, grid: Grid) -> Planted:
    data = grid.text().encode()
    at = random.randrange(data.index(b"\n") + 1, len(data))
    bad = bytes([random.choice((0x80, 0x81, 0xA0, 0xC3, 0xE2, 0xF5, 0xFE, 0xFF))])
    line = data.count(b"\n", 0, at) + 1
    return Planted(
        {"a.csv": data[:at] + bad + data[at:]}, ("D110", "D111", "D014"), (f"line {line}",), target=grid.target
    )


@plants
def a_nul(random: Random, grid: Grid) -> Planted:
    data = grid.text().encode()
    at = random.randrange(data.index(b"\n") + 1, len(data))
    line = data.count(b"\n", 0, at) + 1
    return Planted({"a.csv": data[:at] + b"\0" + data[at:]}, ("D117",), (f"line {line}",), target=grid.target)


@plants
def a_target_missing_in_many_rows(random: Random, grid: Grid) -> Planted:
    gone = random.sample(range(len(grid.rows)), int(random.uniform(0.06, 0.5) * len(grid.rows)))
    answers = grid.cells(grid.target)
    for row in gone:
        answers[row] = random.choice(("", "NA", "nan", "?")) if _is_number(answers[row]) else ""
    return file_of(grid.with_column(grid.target, answers), "D137", f"'{grid.target}'", f"{len(gone)} rows")


@plants
def one_class_only(random: Random, grid: Grid) -> Planted:
    answer = random.choice(grid.cells(grid.target))
    return file_of(grid.with_column(grid.target, [answer] * len(grid.rows)), "D133", f"'{grid.target}'", f"'{answer}")


@plants
def a_class_of_one_row(random: Random, grid: Grid) -> Planted | None:
    answers = grid.cells(grid.target)
    if len(set(answers)) > 20 or all(map(_is_number, answers)):
        return None
    answers[random.randrange(len(answers))] = "mistyped"
    return file_of(grid.with_column(grid.target, answers), "C033", "mistyped 1")


@plants
def a_target_misspelt(random: Random, grid: Grid) -> Planted:
    wrong = grid.target[:-1] + "zq"
    return replace(file_of(grid, "D130", f"'{wrong}'", grid.target), target=wrong)


@plants
def an_infinite_cell(random: Random, grid: Grid) -> Planted | None:
    if not grid.numeric():
        return None
    column = random.choice(grid.numeric())
    cells = grid.cells(column)
    cells[random.randrange(len(cells))] = random.choice(("inf", "-inf", "Infinity"))
    return file_of(grid.with_column(column, cells), "C021", f"'{column}'")


@plants
def an_infinite_answer(random: Random, grid: Grid) -> Planted | None:
    answers = grid.cells(grid.target)
    if len(set(answers)) < 50:
        return None
    row = random.randrange(len(answers))
    answers[row] = random.choice(("inf", "-inf", "1e39"))
    return file_of(grid.with_column(grid.target, answers), "D136", f"'{grid.target}'", f"line {row + 2}")


@plants
def a_constant_column(random: Random, grid: Grid) -> Planted:
    value = random.choice(("0", "1.5", "KR", "true"))
    return file_of(grid.with_column("version", [value] * len(grid.rows)), "C010", "version")


@plants
def an_empty_column(random: Random, grid: Grid) -> Planted:
    return file_of(grid.with_column("remark", [random.choice(("", "NA"))] * len(grid.rows)), "D020 C011", "remark")


@plants
def an_id(random: Random, grid: Grid) -> Planted:
    count = len(grid.rows)
    made = random.choice(
        (
            [str(k + 1) for k in range(count)],
            [f"u{random.getrandbits(64):016x}" for _ in range(count)],
            [f"C-{k:05}" for k in random.sample(range(90_000), count)],
            [f"user{k}@example.com" for k in random.sample(range(90_000), count)],
        )
    )
    return file_of(grid.with_column("customer", made), "C012", "customer")


@plants
def a_copy_of_the_target(random: Random, grid: Grid) -> Planted:
    """Another name for it, and up to 5 % noise."""
    answers, noise = grid.cells(grid.target), random.uniform(0, 0.05)
    values = sorted(set(answers))
    if len(values) <= 20:
        code = dict(zip(values, random.sample(range(len(values)), len(values)), strict=True))
        word = random.choice((str, lambda k: f"grade-{k}", lambda k: str(10 * k)))
        made = [word(code[random.choice(values) if random.random() < noise else answer]) for answer in answers]
    else:
        numbers = np.array(answers, float)
        scale = random.choice((1, -1, 0.01, 100))
        if random.random() < 0.5:
            numbers = numbers + np.random.default_rng(random.getrandbits(32)).normal(
                0, noise * numbers.std(), len(numbers)
            )
            made = [f"{scale * n:.6g}" for n in numbers]
        else:
            made = [f"{scale * (random.choice(numbers) if random.random() < noise else n):.6g}" for n in numbers]
    return file_of(grid.with_column("outcome_code", made), "C042", "outcome_code")


def _with_copies(random: Random, grid: Grid) -> tuple[Grid, list[int], int]:
    """The grid with no row twice; which rows examine; and after how many of them rows of train are repeated among them."""
    rows = list(dict.fromkeys(map(tuple, grid.rows)))
    random.shuffle(rows)
    exam = int(random.uniform(0.1, 0.4) * len(rows))
    copies = max(1, round(random.uniform(0.01, 0.1) * exam))
    examined = rows[:exam] + random.sample(rows[exam:], copies)
    random.shuffle(examined)
    return replace(grid, rows=[list(row) for row in (*rows[exam:], *examined)]), list(range(len(examined))), copies


@plants
def rows_of_train_in_the_exam(random: Random, grid: Grid) -> Planted:
    both, examined, copies = _with_copies(random, grid)
    train = replace(both, rows=both.rows[: -len(examined)])
    exam = replace(both, rows=both.rows[-len(examined) :])
    planted = file_of(train, "C040", "of test", count=copies)
    return replace(planted, files={**planted.files, "exam.csv": exam.text().encode()}, how={"test": "exam.csv"})


@plants
def rows_of_train_in_the_exam_of_a_split_column(random: Random, grid: Grid) -> Planted:
    both, examined, copies = _with_copies(random, grid)
    part = ["train"] * (len(both.rows) - len(examined)) + ["test"] * len(examined)
    order = random.sample(range(len(part)), len(part))
    both = both.with_column("part", part)
    both = replace(both, rows=[both.rows[row] for row in order])
    return file_of(both, "C040", "of test", count=copies, how={"split_column": "part"})


@plants
def words_among_numbers(random: Random, grid: Grid) -> Planted | None:
    if not grid.numeric():
        return None
    column = random.choice(grid.numeric())
    cells = grid.cells(column)
    rows = sorted(random.sample(range(len(cells)), random.randint(1, 5)))
    for row in rows:
        cells[row] = random.choice(("unknown", "True", "12a", "1O5", "see note", "about 7", "7 km"))
    return file_of(grid.with_column(column, cells), "D014", column, f"line {rows[0] + 2}")


@plants
def decimal_commas(random: Random, grid: Grid) -> Planted | None:
    columns = [c for c in grid.numeric() if sum("." in cell for cell in grid.cells(c)) > 0.5 * len(grid.rows)]
    if not columns:
        return None
    separator = random.choice((",", ";", "\t"))
    column = random.choice(columns)
    grid = grid.with_column(column, [cell.replace(".", ",") for cell in grid.cells(column)])
    return file_of(grid, "D017 D027", column, separator=separator)


@plants
def a_wrong_separator(random: Random, grid: Grid) -> Planted:
    return replace(file_of(grid, "D130 D115", grid.target), how={"separator": random.choice((";", "\t", "|"))})


@plants
def an_older_encoding(random: Random, grid: Grid) -> Planted:
    encoding = random.choice(("cp949", "utf-16", "euc-kr"))
    cities = ("서울", "부산", "대구", "인천", "광주", "대전", "울산", "수원", "청주")
    grid = grid.with_column("도시", [random.choice(cities) for _ in grid.rows])
    return replace(
        file_of(grid, "D010", encoding.replace("euc-kr", "cp949")), files={"a.csv": grid.text().encode(encoding)}
    )


@plants
def no_header(random: Random, grid: Grid) -> Planted | None:
    if len(grid.numeric()) < len(grid.columns) / 2:
        return None
    return replace(file_of(grid, "D108", "--columns"), files={"a.csv": "\n".join(_written(grid)[1:]).encode()})


@plants
def a_day_that_is_none(random: Random, grid: Grid) -> Planted:
    days = [f"20{random.randint(10, 24)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}" for _ in grid.rows]
    row = random.randrange(len(days))
    days[row] = random.choice(("2023-02-30", "2023-13-01", "2021-00-10", "not known", "2024-06-31"))
    return file_of(grid.with_column("seen", days), "D014", "seen", days[row])


@plants
def an_exam_without_a_column(random: Random, grid: Grid) -> Planted:
    gone = random.choice([c for c in grid.columns if c != grid.target])
    place, half = grid.columns.index(gone), len(grid.rows) // 2
    train = file_of(replace(grid, rows=grid.rows[:half]), "D146", gone)
    rows = [row[:place] + row[place + 1 :] for row in grid.rows[half:]]
    exam = replace(grid, columns=[c for c in grid.columns if c != gone], rows=rows)
    return replace(train, files={**train.files, "exam.csv": exam.text().encode()}, how={"test": "exam.csv"})


@plants
def a_number_beyond_all(random: Random, grid: Grid) -> Planted | None:
    columns = [c for c in grid.numeric() if len(set(grid.cells(c))) > 5]
    if not columns:
        return None
    column = random.choice(columns)
    cells = grid.cells(column)
    for row in random.sample(range(len(cells)), 3):  # one of them is in train
        cells[row] = random.choice(("9e99", "-1e300", "1e308"))
    return file_of(grid.with_column(column, cells), "C023", column)


# -- pictures ------------------------------------------------------------------------------------------------------------

Pictures = dict[str, bytes]  # "set/train/cat/7.png" → the file
PICTURE_PLANTS: dict[str, Callable[[Random, Pictures], Planted]] = {}


@cache
def album(name: str) -> dict[str, list[bytes]]:
    """Class → its pictures as PNG files; empty where they are not here."""
    if name == "digits":
        import sklearn.datasets

        bunch = sklearn.datasets.load_digits()
        found: dict[str, list[bytes]] = {str(digit): [] for digit in range(10)}
        for picture, digit in list(zip(bunch.images, bunch.target, strict=True))[:800]:
            found[str(digit)].append(_png(np.kron(picture * 15, np.ones((4, 4))).astype(np.uint8)))
        return found
    path = SHARED / "cats_dogs" / "cats_dogs.zip"
    if not path.is_file():
        return {}
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png") and "train" in name]
        return {word: [archive.read(n) for n in names if f"/{word}/" in n][:400] for word in ("cat", "dog")}


def _png(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def pictures(random: Random) -> Pictures:
    """30 to 60 pictures of two or three classes in folders; half of the sets come with train and test."""
    classes = random.choice([found for name in ("digits", "cats_dogs") if (found := album(name))])
    words = random.sample(sorted(classes), min(len(classes), random.randint(2, 3)))
    each, dealt = random.randint(15, 20), random.random() < 0.5
    made = {}
    for word in words:
        for number, data in enumerate(random.sample(list(dict.fromkeys(classes[word])), each)):
            part = ("test/" if number % 4 == 0 else "train/") if dealt else ""
            made[f"set/{part}{word}/{word}{number}.png"] = data
    return made


def plants_in_pictures(fault: Callable[[Random, Pictures], Planted]) -> Callable[[Random, Pictures], Planted]:
    PICTURE_PLANTS[fault.__name__] = fault
    return fault


def folder_of(files: Pictures, codes: str, *place: str, count: int = 0) -> Planted:
    return Planted(files, tuple(codes.split()), place, count=count, source="set")


def _spoilt(random: Random, files: Pictures, spoil: Callable[[bytes], bytes], suffix: str = "") -> Planted:
    name = random.choice(sorted(files))
    spoilt = files[name]
    rest = {other: data for other, data in files.items() if other != name}
    new = name.removesuffix(".png") + (suffix or ".png")
    return folder_of({**rest, new: spoil(spoilt)}, "D030 D204", new.rpartition("/")[2])


@plants_in_pictures
def a_picture_cut_off(random: Random, files: Pictures) -> Planted:
    from PIL import Image

    if random.random() < 0.5:
        return _spoilt(random, files, lambda data: data[: random.randrange(20, len(data) - 20)])

    def jpeg(data: bytes) -> bytes:
        whole = _png(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), "JPEG")
        return whole[: int(random.uniform(0.3, 0.9) * len(whole))]

    return _spoilt(random, files, jpeg, ".jpg")


@plants_in_pictures
def a_picture_of_no_bytes(random: Random, files: Pictures) -> Planted:
    return _spoilt(random, files, lambda data: b"")


@plants_in_pictures
def a_web_page_called_jpg(random: Random, files: Pictures) -> Planted:
    page = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>Not found</body></html>"
    return _spoilt(random, files, lambda data: page, ".jpg")


@plants_in_pictures
def a_picture_under_two_labels(random: Random, files: Pictures) -> Planted:
    name = random.choice(sorted(files))
    other = random.choice([n for n in sorted(files) if n.split("/")[-2] != name.split("/")[-2]])
    copy = f"{other.rpartition('/')[0]}/again.png"
    return folder_of({**files, copy: files[name]}, "C072", "again.png", name.rpartition("/")[2])


@plants_in_pictures
def pictures_of_train_in_the_exam(random: Random, files: Pictures) -> Planted:
    if not any("/test/" in name for name in files):
        files = {
            name.replace("set/", "set/test/" if n % 4 == 0 else "set/train/"): data
            for n, (name, data) in enumerate(files.items())
        }
    train = [name for name in sorted(files) if "/train/" in name]
    copied = random.sample(train, random.randint(1, 4))
    copies = {name.replace("/train/", "/test/").replace(".png", "-copy.png"): files[name] for name in copied}
    return folder_of({**files, **copies}, "C070", "of test", "-copy.png", count=len(copies))


@plants_in_pictures
def a_class_of_one_picture(random: Random, files: Pictures) -> Planted:
    part = "train/" if any("/train/" in name for name in files) else ""
    return folder_of({**files, f"set/{part}bird/bird0.png": _png(np.full((32, 32), 7, np.uint8))}, "C033", "bird 1")


@plants_in_pictures
def a_single_class_folder(random: Random, files: Pictures) -> Planted:
    word = random.choice(sorted({name.split("/")[-2] for name in files}))
    return folder_of({name: data for name, data in files.items() if f"/{word}/" in name}, "D201 D133", word)


# -- looking -------------------------------------------------------------------------------------------------------------


def looked_at(planted: Planted, folder: Path) -> list[Finding]:
    """What `check` says about these files."""
    for name, data in planted.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    how = {word: str(folder / value) if word == "test" else value for word, value in planted.how.items()}
    return check(folder / planted.source, planted.target, **how)


def is_found(planted: Planted, findings: list[Finding]) -> bool:
    return any(
        finding.code in planted.codes
        and finding.count >= planted.count
        and all(word in f"{finding.message} {' '.join(finding.examples)} {finding.remedy}" for word in planted.place)
        for finding in findings
    )


def naive(planted: Planted, folder: Path) -> bool:
    """Whether a plain script would have noticed anything: an exception, a missing value, a picture that cannot be opened."""
    import pandas as pd
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if planted.source == "a.csv":
                table = pd.read_csv(folder / "a.csv")
                return bool(table[planted.target].isna().any())
            for name in planted.files:
                Image.open(folder / name)
        except Exception:  # whatever it is, a person sees it
            return True
    return False


def naive_alarm(folder: Path) -> bool:
    """Whether a script that will have nothing odd (a gap, a row twice, a column of different words) refuses this table."""
    import pandas as pd

    table = pd.read_csv(folder / "a.csv")
    ids = any(table[name].nunique() > 0.9 * len(table) for name in table.select_dtypes(exclude="number"))
    return bool(table.isna().any().any() or table.duplicated().any() or ids)


def all_planted(random: Random, count: int) -> Iterator[tuple[str, Planted]]:
    """Each fault in turn, in other data each time; one in five is among pictures."""
    faults = list(PLANTS)
    among_pictures = list(PICTURE_PLANTS)
    for number in range(count):
        if number % 5 == 4:
            name = among_pictures[number // 5 % len(among_pictures)]
            yield name, PICTURE_PLANTS[name](random, pictures(random))
            continue
        name = faults[(number - number // 5) % len(faults)]
        planted = None
        while planted is None:
            planted = PLANTS[name](random, sample(random))
        yield name, planted


def test_a_planted_fault_is_found_at_its_place(dose, counted, tmp_path):
    tried, found, naively = Counter(), Counter(), 0
    missed = []
    for number, (name, planted) in enumerate(all_planted(Random(1), dose(40, 1000))):
        folder = tmp_path / str(number)
        folder.mkdir()
        findings = looked_at(planted, folder)
        tried[name] += 1
        if is_found(planted, findings):
            found[name] += 1
        else:
            missed.append(f"{number} {name} {planted.place}: {[str(f)[:150] for f in findings]}")
        naively += naive(planted, folder)
        for file in folder.rglob("*.*"):
            file.unlink()
    assert found.total() >= 0.99 * tried.total(), "\n".join(missed)
    leak, across = "a_copy_of_the_target", [name for name in tried if "of_train_in_the_exam" in name]
    assert found[leak] >= 0.95 * tried[leak], "\n".join(missed)
    assert [found[name] for name in across] == [tried[name] for name in across], "\n".join(missed)
    assert naively < 0.7 * tried.total()
    counted(
        "planted",
        tried=tried.total(),
        held=found.total(),
        control=f"pandas.read_csv and isna().any(): {naively} of {tried.total()} noticed",
        kinds=len(tried),
        leaks=f"{found[leak]} of {tried[leak]}",
        across_splits=f"{sum(found[n] for n in across)} of {sum(tried[n] for n in across)}",
    )


def test_a_copy_of_the_target_is_found_through_its_noise(dose, tmp_path):
    random, tried = Random(3), dose(20, 200)
    found = 0
    for _ in range(tried):
        planted = a_copy_of_the_target(random, sample(random))
        found += is_found(planted, looked_at(planted, tmp_path))
    assert found >= 0.95 * tried


def test_clean_data_give_no_error(dose, counted, tmp_path):
    random = Random(2)
    tried = dose(25, 1000)
    alarmed, warned, naively, tables = [], 0, 0, 0
    for number in range(tried):
        folder = tmp_path / str(number)
        folder.mkdir()
        planted = folder_of(pictures(random), "") if number % 5 == 4 else file_of(sample(random), "")
        findings = looked_at(planted, folder)
        alarmed += [f"{number}: {finding}" for finding in findings if finding.level == "error"][:1]
        warned += any(finding.level == "warning" for finding in findings)
        if planted.source == "a.csv":
            tables += 1
            naively += naive_alarm(folder)
        for file in folder.rglob("*.*"):
            file.unlink()
    assert len(alarmed) <= 0.01 * tried, "\n".join(alarmed)
    assert naively > 0.05 * tables
    counted(
        "false-alarms",
        tried=tried,
        held=tried - len(alarmed),
        control=f"a script that will have no gap, no row twice and no id: {naively} of {tables} tables refused",
        with_warnings=warned,
    )
