"""Bits rot, ends go missing, blocks come back blank: a file of a checkpoint or model is what was written, or is named."""

import random
import shutil
from pathlib import Path

import pytest
import safetensors.torch
from disks import Layer
from folders import save_model
from safetensors import SafetensorError
from toys import learner

from mapsto.core.errors import Damaged
from mapsto.core.state import pack
from mapsto.export import bundle
from mapsto.learner.run import Run


def flipped(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


def cut_off(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def blanked(data: bytes, draw: random.Random) -> bytes:
    """One block of 8 to 512 bytes is zeros: somewhere where it was not."""
    size, before = 2 ** draw.randrange(3, 10), data
    while data == before:
        place = draw.randrange(len(data)) // size * size
        data = data[:place] + bytes(len(data[place : place + size])) + data[place + size :]
    return data


ROTS = (flipped, flipped, flipped, cut_off, blanked)


@pytest.fixture
def run(memory) -> Run:
    """Saved at steps 4 and 8, and concluded."""
    with Layer().within():
        run, learned = Run.create(memory / "run", "toy", "", {}), learner()
        for step in (4, 8):
            run.save(learned.fit(step), {"seconds": 1.5 * step})
        save_model(run.path / "model", learned, 1)
    return run


def test_no_rot_goes_unnoticed(run, dose, counted):
    newest, model = run.checkpoints()[0], run.path / "model"
    files = [*sorted(newest.iterdir()), *sorted(model.iterdir())]
    whole = {file: file.read_bytes() for file in files}
    before = pack(learner().fit(4).state_dict())
    draw, learned, tried, parsed, unnoticed = random.Random(0), learner(weights=1), dose(300, 10_000), [], []
    for k in range(tried):
        file, rot = files[k % len(files)], draw.choice(ROTS)
        damaged = rot(whole[file], draw)
        file.write_bytes(damaged)
        if file.parent == model:
            noticed = refused(model, file)
        else:
            _, skipped = run.restore(learned)
            noticed = len(skipped) == 1 and str(file) in skipped[0] and learned.step == 4
            noticed &= pack(learned.state_dict()) == before
        if not noticed:
            unnoticed.append((file.name, rot.__name__, k))
        if file.suffix == ".safetensors" and rot is flipped:
            parsed.append(parses(damaged))
        file.write_bytes(whole[file])
    assert not unnoticed
    assert sum(parsed) > len(parsed) / 2
    counted(
        "rot",
        tried=tried,
        held=tried - len(unnoticed),
        control=f"a reader that only parses safetensors takes {sum(parsed)} of {len(parsed)} with a flipped bit for whole",
    )


def refused(model: Path, file: Path) -> bool:
    """Whether the model folder is not loaded, and the message names the file."""
    try:
        bundle.load(model)
    except Damaged as error:
        return str(file) in error.message
    return False


def parses(data: bytes) -> bool:
    try:
        safetensors.torch.load(data)
    except SafetensorError:
        return False
    return True


@pytest.mark.parametrize("lost", ["tensors.safetensors", "state.json", "manifest.json"])
def test_a_file_that_is_gone_or_unreadable_is_named(run, lost):
    file = run.checkpoints()[0] / lost
    file.unlink()
    assert str(file) in run.restore(learner())[1][0]
    file.mkdir()
    assert str(file) in run.restore(learner())[1][0]


def test_rotten_checkpoints_are_not_kept_in_place_of_new_ones(run):
    """They count among those that stay, if nobody looks; and then what was just saved is the one to go."""
    for path in run.checkpoints():
        path.joinpath("state.json").write_bytes(b"")
    learned = learner()
    assert len(run.restore(learned)[1]) == 2
    with Layer().within():
        for step in (2, 3):
            run.save(learned.fit(step), {})
            assert run.restore(learner())[1] == []
    assert [path.name for path in run.checkpoints()] == ["step-00000003", "step-00000002"]


def test_a_checkpoint_copied_elsewhere_loads(run, memory):
    with Layer().within():
        other = Run.create(memory / "other", "toy", "", {})
    shutil.copytree(run.checkpoints()[0], other.path / "checkpoints" / "step-00000008")
    learned = learner(weights=1)
    assert other.restore(learned)[1] == []
    assert learned.step == 8
