"""A table or folder as shards: the same examples and the same card as from memory; resumed in the midst of a chunk too."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

import mapsto
from mapsto.core.batch import size
from mapsto.core.errors import BadInput, DataError, FrameError, Interrupted
from mapsto.core.stop import Stop
from mapsto.data import shards as home
from mapsto.data import stream as streaming
from mapsto.data.shards import PARTS, Shards, flat
from mapsto.export.inputs import inputs_of
from mapsto.framing import shard as verb
from mapsto.framing import survey as surveying
from mapsto.framing.train import train

ROWS = 900


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Blocks of 16 rows, read 100 at a time; no page is drawn."""
    monkeypatch.setattr(home, "BLOCK_ROWS", 16)
    monkeypatch.setattr(streaming, "TEXT_AT_ONCE", 5000)
    monkeypatch.setattr(streaming, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr("mapsto.framing.conclude.page", lambda report: "")


def columns(rows=ROWS, seed=0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    height, wood = draw.normal(size=rows).round(4), draw.choice(np.array(["oak", "elm", "ash"], object), rows)
    width = draw.integers(0, 100, rows)
    day = np.datetime64("2020-01-01") + draw.integers(0, 500, rows)
    kind = np.where(height + (wood == "oak") > 0.5, "rose", np.where(width > 50, "lily", "iris")).astype(object)
    price = (2 * height + width / 50).round(5)
    part = draw.choice(np.array(["train", "valid", "test"], object), rows, p=[0.7, 0.15, 0.15])
    height = np.array([str(h) if draw.random() > 0.1 else "NA" for h in height], object)
    return {"height": height, "wood": wood, "width": width, "day": day, "part": part, "kind": kind, "price": price}


def table(path, made=None, **more):
    made = {**(made or columns()), **more}
    lines = [",".join(made), *(",".join(map(str, row)) for row in zip(*made.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


def everything(path) -> dict[str, dict[str, torch.Tensor]]:
    shards = Shards(path)
    return {part: flat(shards.view(part).gather(torch.arange(shards.rows[part]))) for part in PARTS}


def same(one, other) -> bool:
    return all(
        one[p].keys() == other[p].keys() and all(torch.equal(one[p][k], other[p][k]) for k in one[p]) for p in one
    )


# -- what is written ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["kind", "price"])
def test_rows_in_shards_are_encoded_as_rows_in_memory(tmp_path, target):
    path = table(tmp_path / "t.csv")
    mapsto.shard(path, tmp_path / "out", target, split_column="part")
    resident = mapsto.frame(path, target, split_column="part", device="cpu").prepared
    assert same(everything(tmp_path / "out"), {p: flat(fields) for p, fields in resident.fields.items()})
    streamed = mapsto.frame(tmp_path / "out", device="cpu").prepared
    assert streamed.kinds == resident.kinds and streamed.problem == resident.problem
    assert streamed.how_split == resident.how_split
    for one, other in ((streamed.input, resident.input), (streamed.target, resident.target)):
        assert one.state_dict() == other.state_dict()
    assert [str(f) for f in streamed.findings] == [str(f) for f in resident.findings]
    assert streamed.raw.columns.keys() == resident.raw.columns.keys()


def test_labels_that_may_hold_together_are_encoded_as_in_memory(tmp_path):
    made = columns()
    draw = np.random.default_rng(1)
    made["tags"] = np.array(["|".join(t for t in "abc" if draw.random() < 0.5) for _ in range(ROWS)], object)
    path = table(tmp_path / "t.csv", made)
    mapsto.shard(path, tmp_path / "out", "tags", split_column="part")
    resident = mapsto.frame(path, "tags", split_column="part", device="cpu").prepared
    streamed = mapsto.frame(tmp_path / "out", device="cpu").prepared
    assert resident.problem == streamed.problem == "multi-label"
    assert streamed.target.state_dict() == resident.target.state_dict()
    found = everything(tmp_path / "out")
    assert all(torch.equal(found[p]["target"], resident.fields[p]["target"]) for p in PARTS)


def test_pictures_in_shards_are_those_in_memory(tmp_path):
    draw = np.random.default_rng(0)
    for split, count in (("train", 30), ("valid", 5), ("test", 9)):
        for name in ("cat", "dog"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for n in range(count):
                pixels = draw.integers(0, 255, (12, 12 + n % 3, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{n}.png")
    mapsto.shard(tmp_path / "photos", tmp_path / "out")
    frame = mapsto.frame(tmp_path / "out", device="cpu")
    resident = mapsto.frame(tmp_path / "photos", device="cpu").prepared
    assert frame.prepared.input.state_dict() == resident.input.state_dict()
    found = everything(tmp_path / "out")
    assert found["train"]["input"].dtype == torch.uint8
    assert same(found, {p: flat(fields) for p, fields in resident.fields.items()})
    result = frame.set("model.width", 4).set("algorithm.until.count", 1).train(tmp_path / "run", baseline_seconds=0)
    assert result.written["examples"]["test"] == 18 and "cat" in frame.prepared.raw.labels[0]


def test_rows_are_dealt_by_the_seed_of_the_split_alone_each_once(tmp_path):
    path = table(tmp_path / "t.csv", number=np.arange(ROWS))

    def dealt(name, **how):
        shards = mapsto.shard(path, tmp_path / name, "kind", **how)
        return {p: shards.numbers(p, range(shards.rows[p])) for p in PARTS}

    one, again, other = dealt("a"), dealt("b"), dealt("c", split_seed=1)
    assert one == again != other
    assert sorted(line for lines in one.values() for line in lines) == list(range(2, ROWS + 2))
    assert abs(len(one["test"]) / ROWS - 0.2) < 0.05 and abs(len(one["valid"]) / ROWS - 0.16) < 0.05


def test_groups_stay_together(tmp_path):
    made = columns()
    group = np.random.default_rng(3).integers(0, 40, ROWS)
    path = table(tmp_path / "t.csv", made, group=group)
    shards = mapsto.shard(path, tmp_path / "out", "kind", group="group")
    of = {p: {int(group[line - 2]) for line in shards.numbers(p, range(shards.rows[p]))} for p in PARTS}
    assert (
        all(of.values())
        and not of["train"] & of["test"]
        and not of["train"] & of["valid"]
        and not of["valid"] & of["test"]
    )
    assert "groups of 'group'" in mapsto.frame(tmp_path / "out", device="cpu").prepared.how_split


def test_what_a_sample_cannot_show_is_found_out_from_all_rows(tmp_path, monkeypatch):
    """A class, a category, a gap and an extreme that come once, in the last rows."""
    monkeypatch.setattr(surveying, "ROWS", 256)
    made = columns()
    part, kind, wood, height, width = (made[k].copy() for k in ("part", "kind", "wood", "height", "width"))
    part[-4:], kind[-1], wood[-3:-1], height[:-1], width[-2] = "train", "tulip", "yew", "1.5", 99_999
    height[: ROWS // 2], height[-1] = "2.5", "NA"
    path = table(
        tmp_path / "t.csv", {**made, "part": part, "kind": kind, "wood": wood, "height": height, "width": width}
    )
    mapsto.shard(path, tmp_path / "out", "kind", split_column="part")
    ready = mapsto.frame(tmp_path / "out", device="cpu").prepared
    resident = mapsto.frame(path, "kind", split_column="part", device="cpu").prepared
    assert ready.target.state_dict() == resident.target.state_dict() and "tulip" in ready.target.classes
    for column in ("wood",):
        assert ready.input.columns[column].state_dict() == resident.input.columns[column].state_dict()
    assert [f for f in ready.findings if f.code == "C081"]
    assert ready.input.flagged == ["height"] and ready.input.columns["width"].high == 99_999


def test_a_class_that_only_the_exam_has_is_left_out_and_told(tmp_path):
    made = columns()
    made["kind"][-1], made["part"][-1] = "tulip", "test"
    shards = mapsto.shard(table(tmp_path / "t.csv", made), tmp_path / "out", "kind", split_column="part")
    assert shards.rows["test"] == (made["part"] == "test").sum() - 1
    found = mapsto.check(tmp_path / "out", device="cpu")
    assert any(f.code == "C003" and f.examples == ("tulip",) for f in found)


def test_a_column_that_turns_to_text_in_the_last_row_is_text_and_told(tmp_path):
    made = columns()
    mapsto.shard(table(tmp_path / "t.csv", made, odd=[*range(ROWS - 1), "oak"]), tmp_path / "out", "kind")
    frame = mapsto.frame(tmp_path / "out", device="cpu")
    assert frame.prepared.kinds["odd"].name == "id"
    assert any(f.code == "D014" and f"'oak' in line {ROWS + 1}" in str(f) for f in frame.findings)


# -- what is refused ---------------------------------------------------------------------------------------------------


def refused(code, said, act, kind=BadInput):
    with pytest.raises(kind, match=said) as caught:
        act()
    codes = {caught.value.code, *(f.code for f in caught.value.findings)}
    assert code in codes, codes


def test_what_is_there_already_is_not_written_over(tmp_path):
    path = table(tmp_path / "t.csv")
    mapsto.shard(path, tmp_path / "out", "kind")
    before = Shards(tmp_path / "out").digest
    refused("D252", "is there already", lambda: mapsto.shard(path, tmp_path / "out", "kind"))
    assert Shards(tmp_path / "out").digest == before
    (tmp_path / "empty").mkdir()
    mapsto.shard(path, tmp_path / "empty", "kind")


@pytest.mark.parametrize("how", [{"time": "day"}, {"folds": 5}])
def test_a_split_that_needs_all_rows_is_refused(tmp_path, how):
    path = table(tmp_path / "t.csv")
    refused("D251", "cannot be split by", lambda: mapsto.shard(path, tmp_path / "out", "kind", **how))


@pytest.mark.parametrize(
    ("code", "said", "change", "how"),
    [
        ("D130", "no column 'kinds'", {}, {"target": "kinds"}),
        ("D131", "No target was named", {}, {"target": None}),
        ("D133", "in every row", {"kind": ["rose"] * ROWS}, {}),
        ("D137", "missing in 90 rows", {"kind": ["", *["rose", "lily"] * 4, "iris"] * (ROWS // 10)}, {}),
        ("D136", "infinite", {"price": ["inf", *map(str, range(ROWS - 1))]}, {"target": "price"}),
        ("D134", "different in every one", {"kind": [f"k{n}" for n in range(ROWS)]}, {}),
        ("D142", "also says later", {"part": ["later", *["train"] * (ROWS - 1)]}, {"split_column": "part"}),
        ("D143", "no training rows", {"part": ["test"] * ROWS}, {"split_column": "part"}),
        ("D145", "at least 3 groups", {}, {"group": "one"}),
        ("F003", "share", {}, {"settings": {"data.split.test": 2}}),
        ("F001", "no setting", {}, {"settings": {"data.splt": 2}}),
        ("F004", "no setting of shards", {}, {"settings": {"model.width": 2}}),
    ],
)
def test_what_no_shards_can_be_made_of_is_refused_and_nothing_is_left(tmp_path, code, said, change, how):
    made = {**columns(), "one": ["a"] * ROWS, **change}
    path = table(tmp_path / "t.csv", made)
    refused(code, said, lambda: mapsto.shard(path, tmp_path / "out", **{"target": "kind", **how}))
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_no_rows_and_one_row(tmp_path):
    (tmp_path / "none.csv").write_text("a,b\n")
    refused("D107", "no rows", lambda: mapsto.shard(tmp_path / "none.csv", tmp_path / "out", "b"))
    (tmp_path / "one.csv").write_text("a,b\n1,x\n")
    refused("D140", "at least 2", lambda: mapsto.shard(tmp_path / "one.csv", tmp_path / "out", "b"))


def test_a_source_that_changes_between_the_passes_leaves_nothing(tmp_path, monkeypatch):
    path = table(tmp_path / "t.csv")
    write = verb._write
    monkeypatch.setattr(verb, "_write", lambda *asked: table(path, columns(seed=1)) and write(*asked))
    refused("D250", "was changed", lambda: mapsto.shard(path, tmp_path / "out", "kind"), DataError)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.split.test", 0.1),
        ("data.kinds.width", "category"),
        ("data.target", "price"),
        ("data.missing_targets", 1.0),
    ],
)
def test_what_was_settled_when_the_shards_were_written_stays_so(tmp_path, path, value):
    mapsto.shard(table(tmp_path / "t.csv"), tmp_path / "out", "kind")
    with pytest.raises(FrameError, match="was settled when the folder was written"):
        _ = mapsto.frame(tmp_path / "out", device="cpu").set(path, value).settings


def test_a_damaged_shard_is_found_by_check(tmp_path):
    mapsto.shard(table(tmp_path / "t.csv"), tmp_path / "out", "kind")
    assert not [f for f in mapsto.check(tmp_path / "out", device="cpu") if f.level == "error"]
    name = "train-00000.input.number.bin"
    data = bytearray((tmp_path / "out" / name).read_bytes())
    data[9] ^= 1
    (tmp_path / "out" / name).write_bytes(data)
    (found,) = [f for f in mapsto.check(tmp_path / "out", device="cpu") if f.level == "error"]
    assert found.code == "M003" and found.examples == (name,)


# -- what is learned ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    mapsto.shard(table(tmp_path / "t.csv"), tmp_path / "out", "kind", split_column="part")
    return tmp_path / "out"


def framed(folder):
    """So few bytes that an epoch has a dozen chunks."""
    frame = mapsto.frame(folder, device="cpu").set("model", {"name": "mlp", "width": 16, "dropout": 0.1})
    return frame.set("algorithm.batch", 10).set("algorithm.until.count", 3)


@pytest.fixture
def few_blocks(monkeypatch):
    """A grant of 1 MiB is one of three blocks."""
    view = Shards.view
    monkeypatch.setattr(
        Shards,
        "view",
        lambda self, part, granted=0, device="cpu": view(
            self, part, 6 * 16 * (sum(f.bytes for f in self.fields) + 16), device
        ),
    )


def outcome(run) -> dict:
    return {
        "history": (run / "history.jsonl").read_text(),
        **{k: v.tobytes() for k, v in load_file(run / "model" / "last.safetensors").items()},
    }


@pytest.mark.parametrize("step", [1, 17, 64, 100, 150])
def test_a_run_that_was_stopped_in_the_midst_of_a_chunk_ends_as_one_that_was_not(folder, few_blocks, tmp_path, step):
    frame = framed(folder)
    view = frame.learner().data.train
    assert view.at_once == 3 and view.blocks > 30
    whole = train(frame, tmp_path / "whole", baseline_seconds=0)

    def stop(learner, update):
        def and_then(batch, now):
            if now == step:
                Stop.listening.asked = 15
            return update(batch, now)

        return and_then

    class Asking(type(frame)):
        def learner(self):
            made = super().learner()
            made.algorithm.update.step = stop(made, made.algorithm.update.step)
            return made

    cut = framed(folder)
    cut.__class__ = Asking
    with pytest.raises(Interrupted, match=f"stopped at step {step + 1} of"):
        train(cut, tmp_path / "cut", baseline_seconds=0)
    mapsto.resume(tmp_path / "cut", baseline_seconds=0)
    assert outcome(tmp_path / "cut") == outcome(whole.path)


def test_chunks_are_a_setting_so_that_a_resumed_run_has_them_too(folder, tmp_path):
    frame = framed(folder).set("data.resident", 3)
    assert "resident = 3" in frame.toml()
    result = frame.train(tmp_path / "run", baseline_seconds=0)
    assert "resident = 3" in (result.path / "frame.toml").read_text()
    with pytest.raises(FrameError, match="whole number of MiB"):
        _ = frame.set("data.resident", 0).settings
    resident = mapsto.frame(folder.parent / "t.csv", "kind", device="cpu")
    assert "resident" not in resident.toml()


def test_it_is_another_set_once_it_was_written_anew(folder, tmp_path):
    framed(folder).train(tmp_path / "run", baseline_seconds=0)
    (tmp_path / "run" / "result.json").unlink()
    for file in folder.iterdir():
        file.unlink()
    mapsto.shard(tmp_path / "t.csv", folder, "kind", split_column="part", settings={"data.kinds.wood": "leave-out"})
    with pytest.raises(BadInput, match="data are not those"):
        mapsto.resume(tmp_path / "run")


def test_a_set_that_fits_is_learned_as_well_from_shards_as_from_memory(folder, few_blocks, tmp_path):
    def reached(frame):
        frame.set("model", {"name": "mlp", "width": 32}).set("algorithm.batch", 32).set("algorithm.until.count", 20)
        return frame.train(baseline_seconds=0, run=tmp_path / f"run-{len(list(tmp_path.iterdir()))}")

    streamed = reached(mapsto.frame(folder, device="cpu")).written["scores"]["test"]["accuracy"]
    resident = reached(mapsto.frame(tmp_path / "t.csv", "kind", split_column="part", device="cpu"))
    resident = resident.written["scores"]["test"]["accuracy"]
    assert abs(streamed["value"] - resident["value"]) < 0.05 and streamed["value"] > 0.7


def test_looks_are_at_a_sample_and_that_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "LOOKED_AT", 100)
    mapsto.shard(table(tmp_path / "t.csv"), tmp_path / "out", "kind", split_column="part")
    frame = framed(tmp_path / "out")
    result = frame.train(tmp_path / "run", baseline_seconds=30)
    (told,) = [f for f in result.written["findings"] if f["code"] == "C080"]
    rows = Shards(tmp_path / "out").rows
    assert f"100 of {rows['train']} in train" in told["message"]
    assert result.written["examples"] == rows
    assert result.written["scores"]["test"]["accuracy"]["n"] == rows["test"]  # the exam is held in full
    assert result.written["baselines"]["decision-tree"]["rows"] == 100
    assert "100 of" in result.written["baselines"]["decision-tree"]["note"]


def test_the_other_verbs_take_shards(folder, tmp_path):
    result = framed(folder).train(tmp_path / "run", baseline_seconds=0)
    own = mapsto.evaluate(result.path)["scores"]
    assert own["test"]["accuracy"] == result.written["scores"]["test"]["accuracy"]
    there = mapsto.evaluate(result.path, folder)["scores"]
    assert there == own
    f = mapsto.load(result.path)
    asked = inputs_of(f, str(folder))
    answers = f.answers(f.encoded_predictions(asked.column))
    labelled = dict(zip(asked.labels, answers, strict=True))
    line, made = 5, columns()  # of the source: a header, and rows from 2 on
    row = {name: made[name][line - 2] for name in ("height", "wood", "width", "day", "price")}
    row["height"] = None if row["height"] == "NA" else float(row["height"])
    assert len(answers) == ROWS and labelled[f"{made['part'][line - 2]}: line {line}"] == f(row)
    assert f({"height": 1.0, "wood": "oak", "width": 3, "day": "2020-02-02", "price": 1.0}) in ("rose", "lily", "iris")
    assert size(framed(folder).prepared.fields["test"]) == Shards(folder).rows["test"]


def test_a_function_of_other_domains_is_not_asked_about_shards(folder, tmp_path):
    other = mapsto.frame(table(tmp_path / "u.csv", columns(seed=4)), "kind", device="cpu").set(
        "algorithm.until.count", 1
    )
    other.set("model", {"name": "linear"})
    result = other.train(tmp_path / "run", baseline_seconds=0)
    with pytest.raises(BadInput, match="encoded for another function"):
        mapsto.evaluate(result.path, folder)


def test_a_bad_number_is_named_by_its_line_in_the_source(folder):
    ready = mapsto.frame(folder, device="cpu").prepared
    rows = [n for n, part in enumerate(columns()["part"]) if part == "train"]
    assert ready.names_of("train", [0, 5]) == [f"line {rows[0] + 2}", f"line {rows[5] + 2}"]


def test_an_exact_solution_of_more_than_memory_holds_is_of_a_sample_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(verb, "LOOKED_AT", 100)
    mapsto.shard(table(tmp_path / "t.csv"), tmp_path / "out", "kind", split_column="part")
    frame = mapsto.frame(tmp_path / "out", device="cpu").set("model.name", "decision-tree")
    assert frame.settings["algorithm"]["experience"]["at_most"] == 100
    assert "100 of" in str(frame)


def test_the_command_writes_and_tells(tmp_path, capsys):
    from mapsto.cli import app

    path = table(tmp_path / "t.csv")
    arguments = [
        "shard",
        str(path),
        str(tmp_path / "out"),
        "--target",
        "kind",
        "--set",
        "data.split.test=0.1",
        "--json",
    ]
    app.main(arguments, standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == Shards(tmp_path / "out").rows and told["rows"]["test"] < 0.15 * ROWS
    assert told["bytes"] == sum(os.path.getsize(p) for p in (tmp_path / "out").iterdir() if p.name != "manifest.json")
