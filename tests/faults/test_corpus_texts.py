"""Texts as people really have them: each fault is told by its code before training, or read around, and nothing is left behind.

Four kinds of sources: texts with a label, sentences with tags, sentence pairs, plain text. A case is told right if the codes it
must have are there in their level, nothing else is of level error, and the words a person needs are in the message; from the
command line and from Python alike. What is no error is then learned from and examined. The control reads the same files as a
plain script does: open, split, zip.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_bombs_tables import MEASURED, measured

import mapsto as library
from mapsto.core.errors import BadInput
from mapsto.learner.race import Settled

ROWS = 120
GOOD, BAD = ("a joy", "moving and funny", "wonderful"), ("a dull bore", "clumsy", "lifeless from the start")
MARKS = "e" + "\u0301" * 1_000_000  # one letter, to whoever counts letters
KOREAN = ["정말 재미있게 봤어요", "돈이 너무 아까운 영화", "배우들 연기가 참 좋다", "지루해서 잠이 들었다"]
ODD = "שלום עולם \u202eevil\u202c 👩‍👩‍👧 مرحبا \x1b[31mred\x07"


@dataclass(frozen=True)
class Case:
    """told: codes and their levels, "D064 repair". words: what must be said. asked: further options."""

    name: str
    files: dict[str, bytes]
    told: str = ""
    words: tuple[str, ...] = ()
    target: str | None = "y"
    asked: tuple[str, ...] = ()
    source: str = ""  # a folder that the files are in

    @property
    def codes(self) -> dict[str, str]:
        return dict(pair.split() for pair in self.told.split(", ") if pair)

    @property
    def where(self) -> str:
        return self.source or next(iter(self.files))

    @property
    def settings(self) -> list[tuple[str, str]]:
        return [
            tuple(word.split("="))
            for option, word in zip(self.asked, self.asked[1:], strict=False)
            if option == "--set"
        ]


def remarks(rows: int = ROWS) -> list[tuple[str, str]]:
    draw = random.Random(0)
    return [(f"{draw.choice(('the film', 'its end'))} is {draw.choice(GOOD if n % 2 else BAD)} no {n}", "yes" if n % 2 else "no")
            for n in range(rows)]  # fmt: skip


def table(rows: int = ROWS, change: Callable[[int, str], str] = lambda n, text: text, label=lambda n, y: y) -> str:
    """A column of texts and a column y."""
    return "text\ty\n" + "".join(f"{change(n, t)}\t{label(n, y)}\n" for n, (t, y) in enumerate(remarks(rows)))


def tsv(name: str, text: str | bytes, told: str = "", **more) -> Case:
    return Case(name, {"a.tsv": text if isinstance(text, bytes) else text.encode()}, told, **more)


def lists(tokens: list[list], tags: list[list]) -> Case:
    lines = [json.dumps({"tokens": w, "y": t}) for w, t in zip(tokens, tags, strict=True)]
    return Case("tags that do not match their words", {"a.jsonl": "\n".join(lines).encode()}, "D148 error",
                ("line 9", "2 words and 1 tag"), asked=("--set", "data.kinds.tokens=words", "--set", "data.kinds.y=tags"))  # fmt: skip


def word(number, text: str = "fish", upos: str = "NOUN") -> str:
    return f"{number}\t{text}\t_\t{upos}\t_\t_\t0\troot\t_\t_\n"


def sentences(change: Callable[[str], str] = lambda text: text, rows: int = 40) -> str:
    """Sentences of CoNLL-U; `change` is made to the third."""
    plain = word(1, "They", "PRON") + word(2, "can", "AUX") + word(3, "fish", "VERB")
    return "\n".join(change(plain) if n == 2 else plain.replace("fish", f"fish{n % 7}") for n in range(rows))


def conllu(name: str, text: str | bytes, told: str = "", *words: str) -> Case:
    return Case(name, {"a.conllu": text if isinstance(text, bytes) else text.encode()}, told, words, "upos")


def pairs(name: str, de: str, en: str, told: str = "", *words: str, **more: bytes) -> Case:
    files = {"p/train.de": de.encode(), "p/train.en": en.encode(), **{f"p/{k}": v for k, v in more.items()}}
    return Case(name, files, told, words, "en", source="p")


def prose(name: str, text: str | bytes, told: str = "", *words: str, asked: tuple[str, ...] = ()) -> Case:
    data = text if isinstance(text, bytes) else text.encode()
    return Case(name, {"a.txt": data}, told, words, None, asked)


def lines(language: str, rows: int = 200) -> list[str]:
    return [f"{language} {text}" for text, _ in remarks(rows)]


STORY = "\n".join(text for text, _ in remarks(400))
FILL_IN = ("--set", "objective=masked-words")
DE, EN = "\n".join(lines("de")) + "\n", "\n".join(lines("en")) + "\n"
CASES = [
    # texts and their labels
    tsv("empty texts", table(change=lambda n, t: "" if n % 4 == 0 else t), "C020 note", words=("text 30",)),
    tsv("texts of blanks", table(change=lambda n, t: " \u00a0 " if n % 4 == 0 else t), "C020 note", words=("text 30",)),
    tsv("blank lines between rows", table().replace("\n", "\n\n   \n")),
    tsv("all texts empty", table(change=lambda n, t: ""), "D139 error", words=("no value in any row",)),
    tsv("a tokenizer for nothing", table(change=lambda n, t: ""), "D152 error", words=("no text to learn tokens from",),
        asked=("--set", "data.kinds.text=text")),
    tsv("one row", table(1), "D133 error, D139 error, D140 error", words=("at least 2",)),
    tsv("one class", table(label=lambda n, y: "yes"), "D133 error", words=("'yes' in every row",)),
    tsv("no labels", table(label=lambda n, y: ""), "D132 error", words=("no value",)),
    tsv("a cell too few", table().replace("no 7\tyes", "no 7"), "D115 error", words=("line 9",)),
    tsv("UTF-16 with a mark", table().encode("utf-16"), "D010 note", words=("utf-16",)),
    tsv("UTF-16 without a mark", table().encode("utf-16-le"), "D010 note", words=("utf-16",)),
    tsv("UTF-8 with a mark", table().encode("utf-8-sig")),
    tsv("CP949", table(change=lambda n, t: f"{KOREAN[n % 4]} {n}").encode("cp949"), "D010 note", words=("cp949",)),
    tsv("one bad byte", table(change=lambda n, t: f"{t} naïve").encode().replace("ï".encode(), b"\xff", 1), "D111 error",
        words=("line 2", "0xFF")),
    tsv("a NUL", table(change=lambda n, t: t + "\0" * (n == 6)), "D117 error", words=("line 8",)),
    tsv("a text of 10 MB", table(change=lambda n, t: t * 450_000 if n == 6 else t)),
    tsv("a million marks on one letter", table(change=lambda n, t: MARKS if n == 6 else t)),
    tsv("a line of more than 16 MiB", table(change=lambda n, t: t * 900_000 if n == 6 else t), "D120 error", words=("16 MiB",)),
    tsv("right to left, joiners and control characters", table(change=lambda n, t: f"{ODD} {n}" if n % 3 == 0 else t)),
    tsv("texts that hold special tokens", table(change=lambda n, t: f"[MASK] [PAD] {t} [CLS]")),
    tsv("one text in all rows", table(change=lambda n, t: "the same for all of us"), "D139 error", words=("always the same",)),
    # words and their tags
    lists([["a", "b"]] * ROWS, [["x", "z"]] * 8 + [["x"]] + [["x", "z"]] * (ROWS - 9)),
    conllu("lines for several words and for none", sentences(lambda s: "1-2\tcannot" + "\t_" * 8 + "\n" + s + "3.1\tgo" + "\t_" * 8 + "\n"),
           "D057 note", ": 2"),
    conllu("a number that is none", sentences(lambda s: s.replace("2\tcan", "two\tcan")), "D260 error", "'two'", "line 10"),
    conllu("a range without an end", sentences(lambda s: "1-\tcannot" + "\t_" * 8 + "\n" + s), "D260 error", "'1-'", "line 9"),
    conllu("a blank line that is missing", sentences(lambda s: s + s), "D260 error", "line 12", "numbers its word 1"),
    conllu("a word that is missing", sentences(lambda s: s.replace(word(2, "can", "AUX"), "")), "D260 error", "numbers its word 3"),
    conllu("a column that is missing", sentences(lambda s: s.replace("AUX\t", "")), "D260 error", "9 cells", "line 10"),
    conllu("a cell that is empty", sentences(lambda s: s.replace("\tcan\t", "\t\t")), "D260 error", "nothing in its cell 2"),
    conllu("blanks for tabs", sentences(lambda s: s.replace("\t", "  ")), "D260 error", "1 cell"),
    conllu("comments alone", "# text = a\n\n# text = b\n", "D107 error", "no sentence"),
    conllu("nothing", "", "D107 error", "no sentence"),
    conllu("UTF-16", sentences().encode("utf-16"), "D010 note", "utf-16"),
    conllu("CP949", sentences(lambda s: "".join(word(n, w) for n, w in enumerate((" ".join(KOREAN) + " .").split(), 1)))
           .encode("cp949"), "D010 note", "cp949"),
    conllu("a NUL", sentences(lambda s: s.replace("can", "c\0n")), "D117 error", "line 10"),
    conllu("a word of 10 MB", sentences(lambda s: s.replace("can", "can" * 3_300_000))),
    conllu("a sentence of 20,000 words", sentences(lambda s: "".join(word(n) for n in range(1, 20_001)))),
    conllu("one sentence", sentences(rows=1), "D140 error", "at least 2"),
    conllu("one tag", sentences().replace("PRON", "VERB").replace("AUX", "VERB")),
    # one sentence and what it is in another language
    pairs("files of unequal length", DE, EN + "one more\n", "D271 error", "train.de 200, train.en 201"),
    pairs("a language that is missing", DE, EN, "D270 error", "test.en", **{"test.de": DE.encode()}),
    pairs("empty lines", DE.replace("no 7\n", "no 7\n\n"), EN.replace("no 7\n", "no 7\n\n"), "D064 repair", "line 9"),
    pairs("empty on one side", DE, "".join("\n" if n % 3 else f"{line}\n" for n, line in enumerate(lines("en"))), "D064 repair"),
    pairs("nothing on one side", DE, "\n" * 200, "D107 error", "in each of de, en"),
    pairs("one pair", "ein Satz\n", "a sentence\n", "D140 error", "at least 2"),
    pairs("a NUL", DE.replace("no 7", "no \0"), EN, "D117 error", "train.de", "line 8"),
    Case("UTF-16 beside UTF-8", {"p/train.de": DE.encode("utf-16"), "p/train.en": EN.encode()}, "D010 note", ("train.de",),
         "en", source="p"),
    Case("pairs with a cell too few", {"a.tsv": ("de\ten\n" + "".join(
        f"{a}\t{b}\n" if n != 6 else f"{a}\n" for n, (a, b) in enumerate(zip(lines("de"), lines("en"), strict=True)))).encode()},
         "D115 error", ("line 8 has 1 cell",), "en"),
    Case("pairs with a cell that is empty", {"a.tsv": ("de\ten\n" + "".join(
        f"{a}\t{b if n != 6 else ''}\n" for n, (a, b) in enumerate(zip(lines("de"), lines("en"), strict=True)))).encode()},
         "C002 repair", ("line 8",), "en"),
    # plain text
    prose("shorter than a window", "Once upon a time there was a king.", "D140 error", "more than a window of 128"),
    prose("nothing", b"", "D106 error", "empty"),
    prose("blanks alone", " \n\t\n" * 100, "D106 error", "no text"),
    prose("a NUL", STORY.replace("no 7\n", "no \0\n", 1), "D117 error", "line 8"),
    prose("UTF-16", STORY.encode("utf-16"), "D010 note", "utf-16"),
    prose("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 99, "D118 error", "a picture"),
    prose("one line of 2 MB", "the film is a joy " * 110_000),
    prose("a million marks on one letter", STORY * 2 + MARKS),
    prose("right to left, joiners and control characters", (ODD + "\n") * 200),
    # words that are hidden
    prose("nothing to hide", " \n\t\n" * 100, "D106 error", asked=FILL_IN),
    prose("one text", "the only line there is\n", "D140 error", "at least 2", asked=FILL_IN),
    Case("empty texts", {"a.tsv": table(change=lambda n, t: "" if n % 4 == 0 else t).encode()}, "C002 repair", ("30 rows",), None,
         (*FILL_IN, "--set", "data.kinds.text=text")),
]  # fmt: skip


@pytest.fixture
def mapsto(mapsto: Callable) -> Callable:
    def run(*arguments: str) -> tuple[int, str, str]:
        code, out, err = mapsto(*arguments)
        assert "Traceback" not in err
        return code, out, err

    return run


def put(case: Case) -> None:
    for name, data in case.files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(data)


def cleared() -> None:
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def wrong_with(mapsto: Callable, case: Case) -> str:
    """What was not told as the case wants it, or could not be learned from; "" where all is well."""
    target = ("--target", case.target) if case.target else ()
    code, out, err = mapsto("check", case.where, *target, "--json", *case.asked)
    if err:
        return f"not listed: {err}"
    found = json.loads(out)
    levels = {f["code"]: f["level"] for f in found}
    said = "\n".join(f"{f['message']} {' '.join(f['examples'])} {f['remedy']}" for f in found)
    errors = {c for c, level in levels.items() if level == "error"}
    wrong = [f"lacking {c} {level}" for c, level in case.codes.items() if levels.get(c) != level]
    wrong += [f"beside {c}" for c in errors if case.codes.get(c) != "error"]
    wrong += [f"unsaid {w!r}" for w in case.words if w not in said]
    wrong += [f"no remedy of {f['code']}" for f in found if f["level"] == "error" and not f["remedy"]]
    if code != (2 if errors else 0):
        wrong.append(f"left with {code}")
    wrong += _in_python(case, errors)
    if errors:
        code, _, err = mapsto("train", case.where, *target, "--quiet", *case.asked)
        wrong += [f"trained with {code}"] * (code != 2) + [f"{c} is not refused" for c in errors if c not in err]
        wrong += ["a run is left"] * Path("runs").exists()
    return "; ".join(wrong) and f"{'; '.join(wrong)}\n    {said}"


def _in_python(case: Case, errors: set[str]) -> list[str]:
    """The same from a program; what may be learned from is learned from, two steps, and examined."""
    try:
        frame = library.frame(case.where, case.target, device="cpu").change(case.settings)
        if not errors:
            frame.change([("model.width", 8), ("algorithm.update.precision", "float32")])
        learner = frame.learner()
        learner.settle(Settled())
        learner.fit(2)
        scores = learner.evaluate("valid", intervals=False)
        return [f"a loss of {scores['loss'].value}"] * (scores["loss"].value != scores["loss"].value)
    except BadInput as error:
        told = {f.code for f in error.findings if f.level == "error"} or {error.code}
        return [f"in Python {told}"] * (told != errors)


def as_a_script(case: Case) -> str:
    """What `open`, `split` and `zip` make of it: "" where they say nothing, else the error."""
    try:
        read = [Path(name).read_text(encoding="utf-8").split("\n") for name in case.files]
        rows = (
            list(zip(*read, strict=False)) if len(read) > 1 else [line.split("\t") for line in read[0] if line.strip()]
        )
        vocabulary = {token for row in rows for token in row[0].split()}
        labels = {row[-1] for row in rows}
        assert vocabulary and labels
    except (UnicodeDecodeError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_every_case_is_told_by_its_code_before_training(mapsto, dose, counted):
    wrong, silent, taken = {}, 0, 0
    cases = CASES[:: dose(3, 1)]
    for case in cases:
        cleared()
        put(case)
        if what := wrong_with(mapsto, case):
            wrong[f"{case.where}: {case.name}"] = what
        if any(level != "note" for level in case.codes.values()):
            silent += 1
            taken += not as_a_script(case)
    counted(
        "corpus-texts",
        tried=len(cases),
        held=len(cases) - len(wrong),
        control=f"open, split and zip: {taken} of {silent} that want mending taken without a word",
    )
    assert taken > silent / 2, "the control has to miss what a check finds"
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


# -- what learned functions are asked ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def functions(tmp_path_factory) -> dict[str, Path]:
    """One of each kind, learned from what has no fault: name → its run."""
    root = tmp_path_factory.mktemp("functions")
    sources = {"reviews": ("a.tsv", table(), "y"), "tags": ("a.conllu", sentences(), "upos"), "prose": ("a.txt", STORY, None),
               "pairs": ("b.tsv", "de\ten\n" + "".join(f"{a}\t{b}\n" for a, b in zip(lines("de"), lines("en"), strict=True)), "en"),
               "blanks": ("c.tsv", table(), None)}  # fmt: skip
    made = {}
    for name, (file, text, target) in sources.items():
        (root / file).write_text(text, encoding="utf-8")
        frame = library.frame(root / file, target, device="cpu")
        if name == "blanks":
            frame.set("objective", "masked-words")
        frame.change(
            [
                ("model.width", 8),
                ("algorithm.update.precision", "float32"),
                ("algorithm.until", {"name": "steps", "count": 2}),
            ]
        )
        made[name] = frame.train(root / name, baseline_seconds=0).path
    return made


ASKED = {
    "nothing": "", "a blank": " ", "words never seen": "zyx wvu tsr 漢字", "one character never seen": "☃",
    "right to left, joiners and control characters": ODD, "marks": "e" + "\u0301" * 20_000, "a long text": "so it goes on " * 8000,
    "special tokens": "[PAD][UNK][CLS] [SEP] [MASK] [NONE]", "a mark of order": "\ufeffthe film", "dashes": "—", "a path": "no/such/file.tsv",
    "a name that is too long for a file": "x" * 5000,
}  # fmt: skip


@pytest.mark.parametrize("name", ["reviews", "tags", "pairs", "blanks", "prose"])
def test_whatever_a_function_is_asked_it_answers_without_a_control_character(mapsto, functions, name):
    f = library.load(functions[name])
    for what, text in ASKED.items():
        short = ("--length", "3") if name == "prose" else ()
        code, out, err = mapsto("predict", str(functions[name]), *short, "--", text)
        assert code == 0, (what, err)
        assert out.isprintable() or not any(c in out for c in "\x1b\x07\u202e"), what
        answer = "".join(f.continued(text, length=3)) if name == "prose" else f(text)
        assert isinstance(answer, list if name == "tags" else str), what
    if name != "prose":
        asked = [text.split() if name == "tags" else text for text in ASKED.values()]
        assert f(asked) == [f(text) for text in ASKED.values()]


@pytest.mark.parametrize("name", ["reviews", "pairs", "blanks", "prose"])
def test_half_a_character_is_refused_by_name(mapsto, functions, name):
    """As a terminal hands over bytes that are no UTF-8."""
    code, out, err = mapsto("predict", str(functions[name]), "the film \udcff")
    assert code == 2 and "half a character" in err and "D150" in err and "\udcff" not in out


def test_files_to_be_answered_are_read_as_those_learned_from(mapsto, functions):
    texts = "text\n" + "".join(f"{KOREAN[n % 4]} {n}\n" for n in range(30))
    for encoding in ("utf-16", "cp949", "utf-8-sig"):
        Path("new.tsv").write_bytes(texts.encode(encoding))
        code, out, err = mapsto("predict", str(functions["reviews"]), "new.tsv", "--json")
        assert code == 0 and len(json.loads(out)) == 30, err
    Path("new.tsv").write_bytes(texts.encode().replace(b"30", b"\0"))
    assert mapsto("predict", str(functions["reviews"]), "new.tsv")[0] == 0
    Path("nul.tsv").write_text("text\na b c\nd \0 e\n")
    code, _, err = mapsto("predict", str(functions["reviews"]), "nul.tsv")
    assert code == 2 and "D117" in err and "line 3" in err
    Path("empty.tsv").write_text("")
    code, _, err = mapsto("predict", str(functions["reviews"]), "empty.tsv")
    assert code == 2 and "D106" in err


# -- what takes long, and much -----------------------------------------------------------------------------------------

SECONDS, MEMORY = 10.0, 512 << 20
LEARNING = (
    MEASURED.replace("perf_counter", "process_time")
    .replace(  # of its own: others may be at work beside it
        "signal.alarm(10)", "resource.setrlimit(resource.RLIMIT_CPU, (60, 60))"
    )
    .format(
        imports="""
import mapsto, sklearn, pyarrow.csv, tokenizers
from mapsto.learner.race import Settled
import mapsto.models.gpt, mapsto.models.text_cnn, mapsto.framing.train
def learn(path):
    frame = mapsto.frame(path, None if path.endswith("txt") else "y", device="cpu")
    learner = frame.set("model.width", 8).learner()
    learner.settle(Settled())
    learner.fit(1)
    return frame.check()""",
        read="learn(path)",
        how="we do",
    )
)
HEAVY = {
    "long.tsv": lambda: table(change=lambda n, t: t * 450_000 if n == 6 else t),
    "long-ones.tsv": lambda: table(change=lambda n, t: t * 4000),
    "marks.tsv": lambda: table(change=lambda n, t: MARKS if n == 6 else t),
    "marks.txt": lambda: STORY * 2 + MARKS,
    "unbroken.txt": lambda: "the film is a joy " * 570_000,
    "one-word.txt": lambda: STORY * 2 + "x" * 10_000_000,
    "one-word.tsv": lambda: table(change=lambda n, t: "x" * 10_000_000 if n == 6 else t),
    "chinese.tsv": lambda: table(change=lambda n, t: "好看的电影" * 600_000 if n == 6 else "很好看的一部电影"),
}


def test_ten_megabytes_in_one_line_are_learned_from_in_seconds_and_in_bounded_memory(memory, dose, counted):
    names = list(HEAVY)[:: dose(4, 1)]
    paths = [memory / name for name in names]
    for path in paths:
        path.write_text(HEAVY[path.name](), encoding="utf-8")
    found = dict(zip(names, measured(LEARNING, paths), strict=True))
    wrong = [f"{name}: {read.code} in {read.seconds:.1f} s and {read.memory >> 20} MiB" for name, read in found.items()
             if read.code != "read" or read.seconds > SECONDS or read.memory > MEMORY]  # fmt: skip
    padded = max(len(line.split()) for line in paths[0].read_text(encoding="utf-8").splitlines()) * ROWS * 8
    counted(
        "heavy-texts",
        tried=len(names),
        held=len(names) - len(wrong),
        control=f"all padded to the longest, as a script does: {padded / 2**30:.1f} GiB",
        slowest_seconds=round(max(read.seconds for read in found.values()), 1),
        largest_MiB=max(read.memory for read in found.values()) >> 20,
    )
    assert padded > MEMORY and not wrong, "\n".join(wrong)
