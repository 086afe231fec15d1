"""The U-Net: whatever the size, told how noisy a picture is and what it is of."""

import pytest
import torch

from mapsto.core import names, seeds
from mapsto.core.errors import FrameError, ShapeError
from mapsto.layers.timed_residual import TimedResidual
from mapsto.models import UNet


def small(inputs=(3,), outputs=(1, 8, 8), **more):
    """With all its weights stirred: it begins as zero."""
    seeds.set_all(0)
    made = UNet(inputs, outputs, **{"width": 8, **more})
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return made.eval()


def asked(rows, outputs, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, *outputs, generator=g), torch.rand(rows, generator=g), torch.arange(rows) % 3


@pytest.mark.parametrize("outputs", [(1, 8, 8), (1, 28, 28), (3, 6, 10), (3, 7, 5), (1, 1, 3)])
@pytest.mark.parametrize("patch", [1, 2])
def test_a_velocity_is_as_large_as_its_picture_whatever_its_size(outputs, patch):
    model, question = small(outputs=outputs, patch=patch), asked(4, outputs)
    said = model.velocity(*question)
    assert said.shape == (4, *outputs) and said.dtype == torch.float32 and said.isfinite().all()
    assert said.std() > 0.01
    assert model(question[2]).shape == (4, *outputs)


def test_it_listens_to_all_that_it_is_told():
    model, (x, time, given) = small(), asked(4, (1, 8, 8))
    said = model.velocity(x, time, given)
    assert (model.velocity(x, 1 - time, given) - said).abs().amax((1, 2, 3)).min() > 1e-3
    assert (model.velocity(x, time, (given + 1) % 3) - said).abs().amax((1, 2, 3)).min() > 1e-3
    far = x.clone()
    far[:, :, 0, 0] += 3
    assert (model.velocity(far, time, given) - said)[:, :, -1, -1].abs().min() > 0, "the far corner is seen"


def test_a_row_does_not_depend_on_its_neighbours():
    model, (x, time, given) = small(), asked(6, (1, 8, 8))
    together = model.velocity(x, time, given)
    torch.testing.assert_close(model.velocity(x[2:3], time[2:3], given[2:3]), together[2:3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("inputs", [(3,), (0,), {"tokens": [9]}])
def test_every_weight_gets_a_gradient(inputs):
    seeds.set_all(0)
    model, (x, time, given) = UNet(inputs, (1, 8, 8), width=8, drop=0.5).train(), asked(6, (1, 8, 8))
    if isinstance(inputs, dict):
        given = {"tokens": given[:, None] + 6, "count": torch.tensor([1, 1, 1, 1, 1, 0])}
    ((model.velocity(x, time, given) - x) ** 2).mean().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_its_arguments_build_it_again():
    model = small(halvings=1, blocks=2, patch=2, drop=0.2)
    again = names.build("model", names.spec(model))
    assert {n: t.shape for n, t in again.state_dict().items()} == {n: t.shape for n, t in model.state_dict().items()}


def test_it_is_as_large_as_it_is_said_to_be():
    assert sum(p.numel() for p in UNet((10,), (1, 28, 28)).parameters()) == pytest.approx(0.82e6, rel=0.05)


def test_a_block_begins_as_nothing_and_ends_as_its_formula():
    torch.manual_seed(0)
    block, x, told = TimedResidual(4, 4, 3), torch.randn(2, 4, 5, 5), torch.randn(2, 3)
    assert torch.equal(block(x, told), x)
    torch.nn.init.normal_(block.last.weight)
    scale, shift = block.told(told).chunk(2, 1)
    y = block.first(torch.nn.functional.silu(block.first_norm(x)))
    y = block.last_norm(y) * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
    torch.testing.assert_close(block(x, told), x + block.last(torch.nn.functional.silu(y)))


def test_it_refuses_what_it_cannot_be():
    with pytest.raises(FrameError, match="width that 4 divides"):
        UNet((3,), (1, 8, 8), width=6)
    with pytest.raises(FrameError, match="drop in"):
        UNet((3,), (1, 8, 8), drop=1.0)
    with pytest.raises(ShapeError, match="pictures"):
        UNet((3,), (8,))
