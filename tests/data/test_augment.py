import math

import pytest
import torch

from mapsto.core import names
from mapsto.core.errors import FrameError, ShapeError
from mapsto.data import augment
from mapsto.data.augment import Crop, Cutout, Flip, Mixup, Rotate, Shift
from mapsto.data.augment.mixup import shares

STRONG = [Shift(3), Flip(), Crop(0.5), Rotate(20.0), Cutout(6), Mixup(0.5, classes=4)]
WITHOUT_EFFECT = [Shift(0), Flip(0.0), Crop(1.0, 1.0), Rotate(0.0), Cutout(0), Mixup(0.0, classes=4)]
EVERY = pytest.mark.parametrize("augmentation", STRONG, ids=lambda a: type(a).__name__)
ALONE = pytest.mark.parametrize("augmentation", STRONG[:-1], ids=lambda a: type(a).__name__)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def a_batch(count=16, shape=(3, 12, 16), dtype=torch.uint8):
    input = torch.randint(0, 256, (count, *shape), generator=seeded(9), dtype=torch.uint8).to(dtype)
    return {"input": input, "target": torch.arange(count) % 4, "index": torch.arange(count)}


@EVERY
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(augmentation):
    first, again, other = (augmentation(a_batch(), seeded(s))["input"] for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@EVERY
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_shape_stays_and_bytes_stay_bytes_but_for_mixup(augmentation, dtype):
    batch = a_batch(dtype=dtype)
    changed = augmentation(batch, seeded())["input"]
    assert changed.shape == batch["input"].shape
    assert changed.dtype == (torch.float32 if isinstance(augmentation, Mixup) else dtype)
    assert changed.float().min() >= 0 and changed.float().max() <= 255
    assert not torch.equal(changed.float(), batch["input"].float())


@EVERY
def test_the_batch_that_came_is_left_as_it_was(augmentation):
    batch = a_batch()
    augmentation(batch, seeded())
    assert torch.equal(batch["input"], a_batch()["input"]) and torch.equal(batch["target"], a_batch()["target"])


@ALONE
def test_the_label_and_the_other_fields_are_kept(augmentation):
    batch = a_batch()
    changed = augmentation(batch, seeded())
    assert changed.keys() == batch.keys()
    assert changed["target"] is batch["target"] and changed["index"] is batch["index"]


@pytest.mark.parametrize("augmentation", WITHOUT_EFFECT, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_no_strength_is_no_change(augmentation, dtype):
    batch = a_batch(dtype=dtype)
    changed = augmentation(batch, seeded())["input"]
    torch.testing.assert_close(changed.float(), batch["input"].float(), rtol=0, atol=0.01)


@ALONE
def test_a_picture_does_not_depend_on_its_neighbours(augmentation):
    batch = a_batch()
    before = augmentation(batch, seeded())["input"][1:]
    batch["input"][0] = 255 - batch["input"][0]
    assert torch.equal(augmentation(batch, seeded())["input"][1:], before)


@ALONE
def test_pictures_of_one_batch_are_changed_each_in_its_own_way(augmentation):
    same = a_batch()["input"][:1].expand(32, -1, -1, -1).contiguous()
    changed = augmentation({"input": same}, seeded())["input"]
    assert len({tuple(picture.flatten().tolist()) for picture in changed}) >= 2


@EVERY
def test_what_is_written_down_builds_the_same_augmentation(augmentation):
    assert names.build("augmentation", names.spec(augmentation)) == augmentation


@EVERY
def test_a_table_is_refused_by_name(augmentation):
    for input in torch.zeros(4, 7), {"number": torch.zeros(4, 7)}:
        with pytest.raises(ShapeError, match=rf"{type(augmentation).__name__} changes pictures"):
            augmentation({"input": input, "target": torch.zeros(4)}, seeded())


def test_everything_on_the_shelf_is_tested_here():
    assert set(augment.__all__) == {type(a).__name__ for a in STRONG}


def test_shift_moves_by_every_amount_up_to_its_pixels_and_mirrors_the_edge():
    ramp = torch.arange(8, dtype=torch.uint8).expand(400, 1, 8, 8).contiguous()
    rows = {tuple(picture[0, 0].tolist()) for picture in Shift(2)({"input": ramp}, seeded())["input"]}
    assert rows == {
        (2, 1, 0, 1, 2, 3, 4, 5),
        (1, 0, 1, 2, 3, 4, 5, 6),
        (0, 1, 2, 3, 4, 5, 6, 7),
        (1, 2, 3, 4, 5, 6, 7, 6),
        (2, 3, 4, 5, 6, 7, 6, 5),
    }


def test_a_shift_larger_than_the_picture_is_still_a_picture():
    batch = a_batch(shape=(1, 8, 8))
    assert Shift(30)(batch, seeded())["input"].shape == (16, 1, 8, 8)


def test_flip_mirrors_about_half_of_the_pictures_and_leaves_the_rest():
    input = a_batch(400)["input"]
    changed = Flip(0.5)({"input": input}, seeded())["input"]
    mirrored = (changed == input.flip(3)).flatten(1).all(1)
    kept = (changed == input).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 160 < mirrored.sum() < 240
    assert torch.equal(Flip(1.0)({"input": input}, seeded())["input"], input.flip(3))


def test_flip_turns_upside_down_only_where_it_is_asked_to():
    input = a_batch(400)["input"]
    changed = Flip(0.0, vertical=0.5)({"input": input}, seeded())["input"]
    mirrored = (changed == input.flip(2)).flatten(1).all(1)
    kept = (changed == input).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 160 < mirrored.sum() < 240
    turned = Flip(1.0, vertical=1.0)({"input": input}, seeded())["input"]
    assert torch.equal(turned, input.rot90(2, (2, 3)))


def test_crop_keeps_to_the_picture_and_enlarges():
    ramp = torch.arange(0, 240, 10.0).expand(200, 1, 24, 24).contiguous()  # rises by 10 a pixel
    changed = Crop(0.5, 1.0)({"input": ramp}, seeded())["input"][:, 0, 12]
    slope = (changed[:, 16] - changed[:, 8]) / 80  # side of the part, as a share
    assert slope.min() >= math.sqrt(0.5) - 0.01 and slope.max() <= 1.01
    assert 0.7 < slope.pow(2).mean() < 0.8  # areas uniform in [0.5, 1]


def test_a_quarter_turn_turns_pictures_by_up_to_a_quarter():
    square = torch.zeros(1, 1, 9, 9)
    square[:, :, 4, 8] = 200.0  # at the right edge, half way down
    turned = Rotate(90.0)({"input": square.expand(300, -1, -1, -1)}, seeded())["input"]
    centre = turned.flatten(1).argmax(1)
    assert (turned[:, 0, :, :3].amax((1, 2)) < 1).all()  # never to the other side
    assert {4 * 9 + 8, 0 * 9 + 4, 8 * 9 + 4} <= set(centre.tolist())


def test_a_turn_of_a_picture_that_is_not_square_keeps_lengths():
    wide = torch.zeros(1, 1, 21, 41)
    wide[:, :, 10, 30] = 255.0  # ten pixels right of the centre
    turned = Rotate(90.0)({"input": wide.expand(200, -1, -1, -1)}, seeded())["input"][:, 0]
    place = turned.flatten(1).argmax(1)
    distance = ((place // 41 - 10) ** 2 + (place % 41 - 20) ** 2).float().sqrt()
    assert (distance - 10).abs().max() < 1.0


def test_cutout_hides_a_square_of_its_size_under_the_mean():
    input = torch.zeros(500, 1, 20, 20)
    input[:, :, ::2] = 200.0
    changed = Cutout(6)({"input": input}, seeded())["input"]
    hidden = (changed == 100.0).sum((1, 2, 3))
    assert hidden.max() == 36 and hidden.min() == 9  # whole inside; only a quarter at a corner
    assert set(changed.unique().tolist()) == {0.0, 100.0, 200.0}


def test_mixup_blends_the_label_as_the_picture():
    input = torch.eye(4).mul(255).to(torch.uint8)[torch.arange(64) % 4].view(64, 1, 2, 2)  # the picture is its label
    batch = {"input": input, "target": torch.arange(64) % 4}
    changed = Mixup(1.0, classes=4)(batch, seeded())
    torch.testing.assert_close(changed["input"].flatten(1) / 255, changed["target"])
    torch.testing.assert_close(changed["target"].sum(1), torch.ones(64))
    assert (changed["target"].argmax(1) == batch["target"]).all()  # mostly itself


@pytest.mark.parametrize("target", [torch.rand(16), torch.rand(16, 3)])
def test_mixup_blends_numbers_and_labels_as_they_are(target):
    changed = Mixup(1.0)({"input": a_batch()["input"], "target": target}, seeded())["target"]
    assert changed.shape == target.shape and not torch.equal(changed, target)
    assert changed.min() >= target.min() and changed.max() <= target.max()


def test_mixup_of_classes_needs_to_know_how_many():
    with pytest.raises(FrameError, match=r"(?s)Mixup blends classes.*Mixup\(classes=10\)"):
        Mixup()(a_batch(), seeded())


@pytest.mark.parametrize("alpha", [0.1, 0.2, 1.0, 3.0])
def test_shares_of_mixup_are_a_folded_beta(alpha):
    from scipy.stats import beta

    uniform = torch.linspace(0.001, 0.999, 999)
    expected = 1 - beta.ppf(uniform.double().numpy() / 2, alpha, alpha)
    torch.testing.assert_close(shares(alpha, uniform).double(), torch.from_numpy(expected), rtol=0, atol=2e-3)
    edges = shares(alpha, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(edges, torch.tensor([1.0, 0.5]))
