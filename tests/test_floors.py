"""The house stands on its floors: who may import whom, what no file may do, and what a name on a shelf means."""

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import mapsto
from mapsto.core import names

PACKAGE = Path(mapsto.__file__).parent
FLOORS = [
    {"core"},
    {"layers", "domains", "measures"},
    {"data", "models", "objectives", "algorithms"},
    {"learner"},
    {"insight", "export"},
    {"framing"},
    {"recipes", "estimator"},
    {"cli", "serve", "studio"},
]
FLOOR = {folder: floor for floor, folders in enumerate(FLOORS) for folder in folders}
FACES = FLOORS[-1]  # they use the public words of `mapsto` itself

# (file, what it imports) → why it may all the same. Keep it short.
EXCEPTIONS: dict[tuple[str, str], str] = {}

FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"}
FORBIDDEN_CALLS = {
    "eval", "exec", "__import__", "compile",
    "torch.load", "torch.save", "torch.jit.load", "torch.hub.load", "torch.package.PackageImporter",
    "yaml.load", "pandas.read_pickle", "pd.read_pickle", "os.system",
}  # fmt: skip
HEAVY = {"sklearn", "scipy", "pandas", "polars", "matplotlib", "PIL", "tensorboard"}
LATE = {"pyarrow", "sympy", "torch._dynamo", "torch._inductor", "torch.distributed", "torch.utils.tensorboard"}


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(module: ast.Module) -> Iterator[str]:
    """Dotted modules that a file imports anywhere in it, inside functions and `if TYPE_CHECKING` too."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level + (node.module or "")
            elif node.module == "mapsto":
                for alias in node.names:
                    yield f"mapsto.{alias.name}" if (PACKAGE / alias.name).is_dir() else "mapsto"
            else:
                yield node.module


def trespasses(file: str, module: ast.Module) -> list[str]:
    """The imports of one file that the floors do not allow, each with the reason."""
    folder = file.split("/")[0] if "/" in file else ""
    found = []
    for what in imported(module):
        if what.startswith("."):
            found.append(f"{file} imports {what}: say it in full")
        if what.split(".")[0] != "mapsto" or not folder or (file, what) in EXCEPTIONS:
            continue
        if what == "mapsto":
            if folder not in FACES and not only_the_version(module):
                found.append(f"{file} imports mapsto itself for more than its version")
            continue
        other = what.split(".")[1]
        if other != folder and FLOOR[other] >= FLOOR[folder]:
            way = "sideways" if FLOOR[other] == FLOOR[folder] else "up"
            found.append(f"{file} imports {what}: {way}")
    return found


def only_the_version(module: ast.Module) -> bool:
    used = {ast.unparse(node) for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    return {word for word in used if word.startswith("mapsto.")} <= {"mapsto.__version__"}


def test_every_folder_has_a_floor():
    assert {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"} <= set(FLOOR)


@pytest.mark.parametrize("path", files(), ids=place)
def test_a_module_imports_from_floors_below_or_its_own_folder(path):
    assert trespasses(place(path), tree(path)) == []


def test_no_exception_is_kept_that_nobody_needs():
    needed = {(place(path), what) for path in files() for what in imported(tree(path))}
    assert set(EXCEPTIONS) <= needed
    assert all(EXCEPTIONS.values())


@pytest.mark.parametrize(
    ("file", "source", "verdict"),
    [
        ("core/batch.py", "import mapsto.layers.columns", "up"),
        ("core/batch.py", "def f():\n    from mapsto.learner.run import Run", "up"),
        ("models/mlp.py", "from mapsto.data.dataset import Dataset", "sideways"),
        ("models/mlp.py", "from mapsto import data", "sideways"),
        ("insight/noise.py", "if TYPE_CHECKING:\n    from mapsto.framing.frame import Frame", "up"),
        ("insight/noise.py", "from mapsto.export import bundle", "sideways"),
        ("models/mlp.py", "from . import vgg", "say it in full"),
        ("framing/frame.py", "import mapsto\nmapsto.train(1)", "more than its version"),
        ("cli/train.py", "from mapsto.serve.page import show", "sideways"),
        ("models/mlp.py", "from mapsto.models.shallow import examples\nfrom mapsto.layers import columns", ""),
        ("framing/frame.py", "import mapsto\nprint(mapsto.__version__)", ""),
        ("cli/train.py", "import mapsto\nmapsto.train(1)", ""),
    ],
)
def test_the_rule_sees_what_it_should(file, source, verdict):
    found = trespasses(file, ast.parse(source))
    assert len(found) == bool(verdict)
    assert not verdict or verdict in found[0]


# -- what no file may do -----------------------------------------------------------------------------------------------


def forbidden(module: ast.Module) -> Iterator[str]:
    for what in imported(module):
        if what.split(".")[0] in FORBIDDEN_MODULES:
            yield f"import {what}"
    for node in ast.walk(module):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {node.lineno}: a bare except"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in FORBIDDEN_CALLS:
            yield f"line {node.lineno}: {called}"
        if called in ("np.load", "numpy.load", "np.lib.format.read_array", "format.read_array"):
            settings = {keyword.arg: keyword.value for keyword in node.keywords}
            pickles = settings.get("allow_pickle")
            if "allow_pickle" in settings and not (isinstance(pickles, ast.Constant) and pickles.value is False):
                yield f"line {node.lineno}: {called} that may unpickle"


@pytest.mark.parametrize("path", files(), ids=place)
def test_nothing_is_unpickled_or_evaluated(path):
    assert list(forbidden(tree(path))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load('x')",
        "eval('1')",
        "exec('x = 1')",
        "import yaml",
        "np.load('x', allow_pickle=True)",
        "np.load('x', allow_pickle=unsafe)",
        "def f():\n    import joblib",
        "try:\n    pass\nexcept:\n    pass",
    ],
)
def test_the_ban_sees_what_it_should(source):
    assert len(list(forbidden(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "np.load('x')",
        "np.load('x', allow_pickle=False)",
        "safetensors.torch.load(x)",
        "re.compile('x')",
    ],
)
def test_the_ban_sees_no_more_than_it_should(source):
    assert list(forbidden(ast.parse(source))) == []


# -- shelves -----------------------------------------------------------------------------------------------------------


def shelf_folders() -> dict[str, Path]:
    places = {kind: PACKAGE.joinpath(*module.split(".")[1:]) for kind, module in names.SHELVES.items()}
    return {kind: path for kind, path in places.items() if path.is_dir()}


@pytest.mark.parametrize("kind", shelf_folders())
def test_every_file_on_a_shelf_has_a_line_or_is_imported(kind):
    """A file that nobody can reach is a model (or another) whose line was forgotten."""
    lines = {place.split(":")[0] for place in names.listed(kind).values()}
    wanted = {what for path in files() for what in imported(tree(path))}
    here = shelf_folders()[kind]
    module = names.SHELVES[kind]
    assert [
        f.name
        for f in sorted(here.glob("*.py"))
        if f.stem != "__init__" and not {f"{module}.{f.stem}"} & (lines | wanted)
    ] == []


@pytest.mark.parametrize("kind", names.SHELVES)
def test_every_line_leads_to_a_class_with_a_word_about_it(kind):
    assert names.listed(kind)
    for name in names.listed(kind):
        cls = names.find(kind, name)
        assert names.name_of(cls) == name
        assert names.summary(kind, name), f"{cls.__name__} needs a docstring"


def test_every_registered_name_is_there_once():
    """A setting {"name": …} is looked up on all shelves: a name on two would mean two things."""
    everywhere = Counter(names.squash(name) for kind in names.SHELVES for name in names.listed(kind))
    assert [name for name, count in everywhere.items() if count > 1] == []


# -- what is loaded ----------------------------------------------------------------------------------------------------


def loaded_by(program: str, folder: Path | None = None) -> set[str]:
    told = f"{program}\nimport sys\nprint(*sorted(sys.modules), file=sys.stderr)"
    source = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, env=source, cwd=folder)
    assert said.returncode == 0, said.stderr
    return set(said.stderr.splitlines()[-1].split())


def test_import_mapsto_loads_no_torch():
    assert not loaded_by("import mapsto; dir(mapsto)") & {"torch", "numpy", "click", "rich", *HEAVY}


@pytest.mark.parametrize("asked", [["--help"], ["--version"], ["train", "--help"]], ids=" ".join)
def test_help_loads_no_torch(asked):
    program = f"""
from mapsto.cli import main
try:
    main({asked})
except SystemExit as end:
    assert not end.code
"""
    assert not loaded_by(program) & {"torch", "numpy", "rich", *HEAVY}


def test_the_words_of_mapsto_load_torch_and_little_else():
    """The estimators apart, which are classes of scikit-learn."""
    program = (
        "import mapsto\nfor word in mapsto.__all__:\n    word in ('Classifier', 'Regressor') or getattr(mapsto, word)"
    )
    loaded = loaded_by(program)
    assert "torch" in loaded
    assert not beside_torch(loaded) & {"click", "rich", *HEAVY, *LATE}


def test_the_first_step_waits_for_nothing_that_is_used_after_it(tmp_path):
    """To import scikit-learn takes longer than to import torch, and torch._dynamo, which the first `torch.optim` of a
    process brings along, takes a second. Pillow looks for doubled pictures, rich draws the card."""
    program = """
from mapsto.cli import main
from mapsto.core.nouns import Experience

def hear(self, batch, losses):  # after the step, and called by nothing but the engine
    raise SystemExit("the first step")

Experience.hear = hear
try:
    main(["train", "digits", "--device", "cpu"])
except SystemExit as end:
    assert end.code == "the first step"
"""
    assert not beside_torch(loaded_by(program, tmp_path)) & ({*HEAVY, *LATE} - {"PIL"})


def test_a_call_looks_through_torch_for_garbage_neither_on_importing_it_nor_at_exit():
    program = """
import atexit, gc
looked_through = [0]

def look(phase, about):
    if about["generation"] == 2:
        looked_through.append(len(gc.get_objects()))

gc.callbacks.append(look)
atexit.register(lambda: print(max(looked_through), len(gc.get_objects())))  # the last to be called
from mapsto.cli import main
try:
    main(["zoo", "data"])
except SystemExit as end:
    assert not end.code
assert gc.isenabled()
"""
    source = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=source)
    assert said.returncode == 0, said.stderr
    in_between, at_exit = map(int, said.stdout.splitlines()[-1].split())
    assert in_between < 100_000  # torch makes 165,000
    assert at_exit < 1000


def beside_torch(loaded: set[str]) -> set[str]:
    """Each module that `import torch` does not load by itself, and the packages that it is in."""
    dotted = [module.split(".") for module in loaded - loaded_by("import torch")]
    return {".".join(words[: k + 1]) for words in dotted for k in range(len(words))} - {"torch"}


def test_listing_names_loads_no_torch():
    program = f"""
from mapsto.core import names
for kind in {list(shelf_folders())}:
    [names.summary(kind, name) for name in names.listed(kind)]
"""
    assert not loaded_by(program) & {"torch", *HEAVY}


def test_what_is_large_is_loaded_when_it_is_used():
    """Of the estimators, who asks for one has scikit-learn already: they are classes of it."""
    parts = [p for p in files() if p.stem not in ("__init__", "__main__") and p.parent.name != "estimator"]
    modules = [f"mapsto.{place(p)[:-3].replace('/', '.')}" for p in parts]
    assert not loaded_by("\n".join(f"import {module}" for module in modules)) & HEAVY
