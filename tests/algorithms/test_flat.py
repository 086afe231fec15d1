"""One long vector a group: the model's tensors are views of it in either layout, and what is saved knows no layout."""

import pytest
import torch
from toys import learner

from mapsto.algorithms.optimizers import SGD, AdamW
from mapsto.algorithms.update import Descend
from mapsto.algorithms.update.flat import Flat
from mapsto.core.schedules import Constant
from mapsto.core.state import pack, unpack
from mapsto.data.dataset import Dataset
from mapsto.learner.race import Settled
from mapsto.models import ConvNet

LAYOUTS = ["contiguous", "channels-last"]


def run(layout, **more):
    torch.manual_seed(0)
    made = learner(data=pictures(), model=ConvNet((1, 8, 8), 3, width=4, depth=2, norm="layer"), update=update(**more))
    made.settle(Settled(1, layout))
    return made


def update(**more):
    return Descend(0.02, AdamW(), Constant(), ema=0.9, **more)


def pictures():
    from toys import dataset

    made = dataset(shape=(1, 8, 8))
    assert isinstance(made, Dataset)
    return made


def test_weights_and_gradients_are_views_in_the_layout_asked_for():
    model = ConvNet((3, 8, 8), 2, width=4, depth=1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    flat = Flat(model, SGD())
    flat.arrange("channels-last")
    weight = next(p for p in model.parameters() if p.ndim == 4 and p.shape[1] > 1)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert weight.grad.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    flat.values[0].zero_()
    flat.gradient.fill_(3.0)
    assert not weight.any()
    assert bool((weight.grad == 3).all())
    flat.arrange("contiguous")
    assert weight.is_contiguous()


def test_both_layouts_learn_the_same():
    one, other = (run(layout).fit() for layout in LAYOUTS)
    for mine, theirs in zip(one.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-3)


@pytest.mark.parametrize("nonfinite", ["stop", "roll-back"])
@pytest.mark.parametrize("early", [False, True])
def test_a_checkpoint_of_one_layout_is_one_of_the_other(nonfinite, early):
    """It may come before or after the layout is settled."""
    before, after = run(LAYOUTS[1], nonfinite=nonfinite).fit(7), None
    saved = pack(before.state_dict())
    torch.manual_seed(1)
    after = learner(
        data=pictures(), model=ConvNet((1, 8, 8), 3, width=4, depth=2, norm="layer"), update=update(nonfinite=nonfinite)
    )
    if not early:
        after.settle(Settled(1, LAYOUTS[0]))
    after.load_state_dict(unpack(saved))
    if early:
        after.settle(Settled(1, LAYOUTS[1]))
    assert pack(after.state_dict()) == saved
