"""Words of data that a terminal, browser, spreadsheet or Markdown reader would obey: everywhere they are told, they are text.

The same data are learned twice, with hostile names and with plain ones of the same length and order. What a page, picture or
card is made of must not depend on which: tags and attributes of both are compared.
"""

import base64
import csv
import io
import json
import re
import tomllib
import unicodedata
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from rich.console import Console

from mapsto.cli import main
from mapsto.cli.predict import harmless
from mapsto.core.text import BIDIRECTIONAL, HIDDEN, clean

TERMINAL = [
    "\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "\x1b[2J\x1b[H", "\x1bc",
    "\x1b[?1049h", "\x1bP+q\x1b\\", "\x1b]52;c;ZXZpbA==\x07", "\x9b31m", "\x9d0;title\x9c", "bell\x07",
    "back\x08\x08\x08", "over\rwrite", "del\x7f", "\u202egnp.exe", "\u2066a\u2069b", "\u200fright", "\u061carab",
    "a\u2028b", "a\u2029b", "line\nbreak", "tab\tb", "\U000e0041\U000e0042tag", "bom\ufeffx",
]  # fmt: skip
PAGE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "' onmouseover='alert(1)",
    "</title><script>1", "</pre><iframe src=//evil>", "]]><script>1</script>", "<!-- x", "&lt;script&gt;",
    "javascript:alert(1)", "<a href=javascript:1>x</a>", "<style>*{display:none}</style>",
    "<svg><script>2</script></svg>", "<?xml x?>", "<b>bold</b>", "{{7*7}}", "${7*7}", "</svg><x>",
    "[x](javascript:alert(1))", "![x](http://evil/p.png)", "| a | b |", "# head", "`code`", "<http://evil.example>",
    "**bold** _x_", "$\\frac{$", "--- x",
]  # fmt: skip
SHEET = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    '=HYPERLINK("http://evil")',
    "＝1+1",
    "|calc",
    "=1+1;x",
    "\t=1+1",
]
MARKUP = ["[bold red]x[/]", "[link=http://evil]x[/link]", "[/nonsense]", "\\[bold]", ":boom:", "%s%n%d", "{0}{1}"]
PAYLOADS = TERMINAL + PAGE + SHEET + MARKUP
SPREADSHEET = ("=", "+", "-", "@", "\t", "\r", "|", "＝")


def test_words_of_data_are_text_wherever_they_are_told(dose, counted, tmp_path, monkeypatch, capsys):
    words = [*(TERMINAL + PAGE + SHEET)[:: dose(3, 1)], *MARKUP]
    plain = [f"w{i:03}" for i in range(len(words))]
    told, twin = {}, {}
    for data, verbs_over in {"table": of_a_table, "pictures": of_pictures}.items():
        for into, their in (told, words), (twin, plain):
            folder = tmp_path / f"{data} {their[0][-4:]}"
            folder.mkdir()
            monkeypatch.chdir(folder)
            for verb, arguments in verbs_over(their).items():
                if into is told or verb == "train":
                    into[f"{data}, {verb}"] = said(arguments, capsys)
            for name in ("frame.toml", "report.html", "result.json", "model/README.md"):
                into[f"{data}, {name}"] = (folder / "run" / name).read_text(encoding="utf-8")
    leaks = [leak for place in told for leak in leaking(place, told[place], twin.get(place, ""))]
    tried = len(words) * len(told)
    counted("escapes", tried, tried - len(leaks), naive(), payloads=len(words), places=len(told))
    assert not leaks, "\n".join(leaks[:40])


def of_a_table(words: list[str]) -> dict[str, list[str]]:
    """What there is to say, verb by verb, about a table whose classes, columns and cells are these words."""
    rows = 12 * len(words)
    numbers = np.random.default_rng(0).normal(size=(rows, len(words))).round(3).astype(str)
    kinds = [words[i % len(words)] for i in range(rows)]
    cells = [words[(i // 2) % len(words)] for i in range(rows)]
    table = [["kind", "cell", *words], *([k, c, *n] for k, c, n in zip(kinds, cells, numbers, strict=True))]
    file = f"{words[0][-4:]} {words[9][:8]} {words[-3]}.csv".replace("/", "")
    written(table, file)
    written([[*row[:2], *row[4:]] for row in table], "narrow.csv")
    asked = ["--target", "kind", "--set", "data.kinds.kind=category", "--set", "data.kinds.cell=category"]
    solved = ["--set", "model.name=k-nearest", "--set", "model.neighbours=1"]  # it says each of its classes
    odd = f'data.kinds."{words[1]}{words[2]}{words[6]}"'
    return {
        "frame": ["frame", file, *asked, *solved],
        "frame.json": ["frame", file, *asked, *solved, "--json"],
        "frame.toml": ["frame", file, *asked, *solved, "--set", f"{odd}=number", "--toml"],
        "check": ["check", file, *asked],
        "check.json": ["check", file, *asked, "--json"],
        "train": ["train", file, *asked, *solved, "--baselines", "0", "--run", "run"],
        "report": ["report", "run"],
        "report.json": ["report", "run", "--json"],
        "predict": ["predict", "run", file],
        "predict.json": ["predict", "run", file, "--json"],
        "predict.csv": ["predict", "run", file, "--csv"],
        "predict top": ["predict", "run", file, "--top", "3"],
        "predict top.csv": ["predict", "run", file, "--top", "3", "--csv"],
        "evaluate": ["evaluate", "run", file],
        "runs": ["runs", "--folder", "."],
        "compare": ["compare", "run", "run"],
        "no such target": ["frame", file, "--target", words[9] + "?"],
        "no target": ["frame", file],
        "no such kind": ["frame", file, *asked, "--set", f"{odd}={words[11]}"],
        "columns missing": ["predict", "run", "narrow.csv"],
        "no such file": ["frame", words[0] + words[10] + ".csv"],
        "a class as a number": ["frame", file, *asked[:2], "--set", "data.kinds.kind=number"],
    }


def of_pictures(words: list[str]) -> dict[str, list[str]]:
    """The same about pictures whose folders and files are called so."""
    draw = np.random.default_rng(0)
    names = [word.replace("/", "") for word in words[::3]]
    for name in names:
        (Path("photos") / name).mkdir(parents=True)
        for i in range(6):
            Image.fromarray(draw.integers(0, 255, (8, 8), np.uint8)).save(Path("photos") / name / f"{name}{i}.png")
    (Path("photos") / names[0] / f"{names[1]}broken.png").write_bytes(b"no picture")
    small = ["--epochs", "1", "--baselines", "0", "--set", "model.width=2"]
    return {
        "check": ["check", "photos"],
        "train": ["train", "photos", *small, "--run", "run"],
        "predict": ["predict", "run", f"photos/{names[0]}"],
        "predict.csv": ["predict", "run", f"photos/{names[0]}", "--csv"],
    }


def written(rows: list[list[str]], file: str) -> None:
    with open(file, "w", encoding="utf-8", newline="") as to:
        csv.writer(to, quoting=csv.QUOTE_ALL).writerows(rows)


def said(verb: list[str], capsys: pytest.CaptureFixture) -> str:
    """What a verb prints, to whichever end; it must not come to a fault of ours."""
    capsys.readouterr()
    try:
        main(verb)
    except SystemExit as leaving:
        assert leaving.code in (0, 2), capsys.readouterr().err
    both = capsys.readouterr()
    return both.out or both.err if verb[-1] in ("--json", "--toml", "--csv") else both.out + both.err


# ── what must not be there ──────────────────────────────────────────────────────────────────────────────────────────


def leaking(place: str, hostile: str, plain: str) -> list[str]:
    """Where words of data became more than text, in one place."""
    found = [f"{place}: {c!r} comes through" for c in sorted(set(hostile)) if c != "\n" and obeyed(c)]
    if place.endswith(".html"):
        found += [f"{place}: {more}" for more in sorted(parts_of_page(hostile) - parts_of_page(plain))]
        found += [f"{place}: '{bad}'" for bad in re.findall(r"<script|javascript:|\son\w+=", tags_only(hostile))]
    elif place.endswith(".md"):
        body = hostile.partition("---\n\n")[2]
        render = MarkdownIt("commonmark", {"html": True}).enable("table").render
        found += [
            f"{place}: {m}"
            for m in sorted(parts_of_page(render(body)) - parts_of_page(render(plain.partition("---\n\n")[2])))
        ]
    elif place.endswith(".csv"):
        cells = [cell for row in csv.reader(io.StringIO(hostile)) for cell in row]
        found += [
            f"{place}: {cell!r} is run" for cell in cells if cell.strip().startswith(SPREADSHEET) and not a_number(cell)
        ]
    elif place.endswith(".json"):
        json.loads(hostile)
    elif place.endswith(".toml"):
        tomllib.loads(hostile)
    elif place.endswith("predict"):
        for word in MARKUP:  # as it is, markup and all
            if place.startswith("table") and word not in hostile:
                found.append(f"{place}: {word!r} is not there as it is")
    return found


def obeyed(c: str) -> bool:
    return c in BIDIRECTIONAL or c in HIDDEN or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")


def a_number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", cell) is not None


class Parts(HTMLParser):
    """The tags and attributes of a page, and of the pictures in it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.tags = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags += self.get_starttag_text() or ""
        self.found |= {f"<{tag}>", *(f"<{tag} {name}>" for name, _ in attributes)}
        for name, value in attributes:
            if name in ("src", "href", "action", "style"):
                self.found.add(f"{name}={(value or '')[:22]}")
            if value and value.startswith("data:image/svg+xml"):
                kind, _, body = value.partition(",")
                self.picture(base64.b64decode(body) if kind.endswith("base64") else unquote(body).encode())

    def picture(self, svg: bytes) -> None:
        for element in xml.fromstring(svg).iter():
            self.found |= {f"svg {element.tag}", *(f"svg {element.tag} {name}" for name in element.attrib)}

    def handle_decl(self, decl: str) -> None:
        self.found.add(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        self.found.add("comment")

    def handle_pi(self, data: str) -> None:
        self.found.add("instruction")


def parts_of_page(page: str) -> set[str]:
    parts = Parts()
    parts.feed(page)
    return parts.found


def tags_only(page: str) -> str:
    """The opening tags as they are written, without the quoted values in them."""
    parts = Parts()
    parts.feed(page)
    return re.sub(r'"[^"]*"', '""', parts.tags)


def naive() -> str:
    """The same payloads as most programs print them."""
    printed = sum(any(obeyed(c) for c in word) for word in PAYLOADS)
    console = Console(file=io.StringIO(), width=200)
    marked = 0
    for word in MARKUP:
        try:
            console.print(word)
        except Exception:
            pass
        marked += word not in console.file.getvalue()
    tagged = sum(bool(parts_of_page(f"<td>{word}</td>") - {"<td>"}) for word in PAGE)
    run = sum(word.strip().startswith(SPREADSHEET) for word in SHEET)
    assert min(printed, marked, tagged, run) > 0
    return f"printed as they are: {printed} obeyed by a terminal, {marked} by rich, {tagged} by a browser, {run} by a spreadsheet"


@pytest.mark.parametrize("word", SHEET)
def test_a_cell_that_a_spreadsheet_would_run_gets_a_quote(word):
    assert harmless(word) == f"'{clean(word)}"


@pytest.mark.parametrize("cell", ["-5", "+3.25", "1e-5", "-1.5e+10", "plain", "a=b", -3.5, 7, "3-4"])
def test_numbers_and_words_stay_as_they_are_in_a_csv(cell: str | float):
    assert harmless(cell) == str(cell)
