"""What holds for every model of pictures."""

import pytest
import torch
import torch.nn.functional as F

from mapsto import models
from mapsto.core import names
from mapsto.core.errors import FrameError, ShapeError

SMALL = {
    "ConvNet": {"width": 4, "depth": 3},
    "LeNet": {"width": 6},
    "AlexNet": {"width": 6, "hidden": 16, "dropout": 0.0},
    "VGG": {"width": 4, "hidden": 16, "dropout": 0.0},
    "ResNet": {"width": 4},
}
EVERY = pytest.mark.parametrize("name", SMALL)


def small(name, inputs=(1, 16, 16), outputs=3, **others):
    torch.manual_seed(0)
    return getattr(models, name)(inputs, outputs, **{**SMALL[name], **others})


@EVERY
@pytest.mark.parametrize("sides", [(8, 8), (9, 31), (28, 28), (32, 48), (64, 64), (150, 96), (8, 200)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_picture_from_8_pixels_on_gives_a_row_of_outputs(name, sides, channels):
    model = small(name, (channels, *sides), 5)
    output = model(torch.randn(2, channels, *sides))
    assert output.shape == (2, 5) and output.dtype == torch.float32


@EVERY
def test_a_batch_of_one_picture_of_8_pixels_can_be_trained_on(name):
    output = small(name, (1, 8, 8))(torch.randn(1, 1, 8, 8))  # batch norm refuses a single number a channel
    assert output.isfinite().all()


@EVERY
@pytest.mark.parametrize("inputs", [(1, 7, 28), (1, 28, 4)])
def test_pictures_under_8_pixels_are_refused_with_the_remedy(name, inputs):
    with pytest.raises(ShapeError, match=rf"{name} needs pictures of at least 8×8 .*{inputs[1]}×{inputs[2]}") as error:
        small(name, inputs)
    assert "model.name=mlp" in error.value.remedy


@EVERY
@pytest.mark.parametrize("inputs", [{"number": [4]}, (12,), (4, 16)])
def test_what_is_no_picture_is_refused_with_the_remedy(name, inputs):
    with pytest.raises(ShapeError, match=rf"{name} needs pictures \(C, H, W\), but the input is") as error:
        small(name, inputs)
    assert "model.name=mlp" in error.value.remedy


@EVERY
def test_an_unknown_norm_is_refused_with_the_known_ones(name):
    with pytest.raises(FrameError, match=rf"(?s){name} has no norm=instance.*layer"):
        small(name, norm="instance")


@EVERY
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_gradients_of_all_parameters_are_finite(name, norm):
    model = small(name, norm=norm)
    F.cross_entropy(model(torch.randn(4, 1, 16, 16)), torch.tensor([0, 1, 2, 0])).backward()
    for parameter in model.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()


@EVERY
def test_one_batch_can_be_learnt_by_heart(name):
    model = small(name)
    input, target = torch.randn(6, 1, 16, 16), torch.tensor([0, 1, 2, 0, 1, 2])
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(120):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(input), target)
        loss.backward()
        optimizer.step()
    assert loss < 0.05


@EVERY
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_row_does_not_depend_on_its_neighbours_in_eval(name, norm):
    model = small(name, norm=norm)
    torch.nn.init.normal_(model.output.weight)
    model(torch.randn(8, 1, 16, 16))  # running statistics unlike the batch's
    model.eval()
    input = torch.randn(4, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(model(input)[1:2], model(input[1:2]), rtol=1e-4, atol=1e-5)


@EVERY
def test_the_first_guess_is_no_guess(name):
    chances = small(name, (3, 32, 32))(torch.randn(8, 3, 32, 32)).softmax(1)
    assert (chances - 1 / 3).abs().max() < 0.1


@EVERY
def test_what_is_written_down_builds_the_same_model(name):
    model = small(name)
    built = names.build("model", names.spec(model))
    assert {k: v.shape for k, v in built.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert names.spec(built) == names.spec(model)


@EVERY
def test_channels_last_in_bfloat16_gives_nearly_the_same(name):
    model = small(name, (3, 16, 16)).eval()
    torch.nn.init.normal_(model.output.weight)
    input = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        exact = model(input)
        model.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            near = model(input.to(memory_format=torch.channels_last)).float()
    assert (near - exact).abs().max() < 0.1 * exact.abs().max()
