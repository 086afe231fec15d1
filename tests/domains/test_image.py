import gzip
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.domains import Image

MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist" / "train-images-idx3-ubyte.gz"


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def column(*values: object) -> np.ndarray:
    made = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        made[i] = value
    return made


def file_of(array: np.ndarray, form: str = "PNG", **more: object) -> bytes:
    into = io.BytesIO()
    Pillow.fromarray(array).save(into, form, **more)
    return into.getvalue()


def test_grey_and_colour_arrays_become_channels_first_bytes_and_come_back():
    for values, shape in ((noise(5, 8, 6), (1, 8, 6)), (noise(5, 8, 6, 1), (1, 8, 6)), (noise(5, 8, 6, 3), (3, 8, 6))):
        image = Image().fit(values)
        encoded = image.encode(values)
        assert image.shape == shape and encoded.shape == (5, *shape) and encoded.dtype == torch.uint8
        assert np.array_equal(
            np.stack(image.decode(encoded)), values.reshape(5, 8, 6, -1).squeeze(-1) if shape[0] == 1 else values
        )


def test_channels_may_come_first():
    values = noise(4, 8, 6, 3)
    image = Image().fit(values)
    assert torch.equal(image.encode(np.moveaxis(values, 3, 1)), image.encode(values))
    assert torch.equal(image.encode(torch.from_numpy(values).permute(0, 3, 1, 2)), image.encode(values))
    assert torch.equal(image.encode([np.moveaxis(v, 2, 0) for v in values]), image.encode(values))


def test_encoding_is_a_copy():
    values = noise(3, 8, 8)
    image = Image().fit(values)
    image.encode(values).zero_()
    assert values.any()


def test_ready_pictures_have_mean_0_and_spread_1_in_each_channel():
    values = noise(50, 8, 8, 3) // np.array([1, 2, 4], dtype=np.uint8)
    image = Image().fit(values)
    ready = image.ready(image.encode(values))
    assert ready.dtype == torch.float32
    assert torch.allclose(ready.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(ready.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)
    assert torch.equal(image.ready(image.encode(values).float()), ready)


def test_what_inference_made_ready_does_not_spoil_later_gradients():
    values = noise(3, 8, 8)
    image = Image().fit(values)
    with torch.inference_mode():
        image.ready(image.encode(values))
    pixels = image.encode(values).float().requires_grad_()
    image.ready(pixels).square().sum().backward()
    assert pixels.grad.any()


@pytest.mark.skipif(not MNIST.exists(), reason="MNIST is not beside the repository")
def test_mnist_has_the_mean_and_spread_that_everyone_writes_down():
    with gzip.open(MNIST) as file:
        digits = np.frombuffer(file.read(), dtype=np.uint8, offset=16).reshape(-1, 28, 28)
    image = Image().fit(digits)
    assert image.mean[0] / 255 == pytest.approx(0.1307, abs=5e-5)
    assert image.spread[0] / 255 == pytest.approx(0.3081, abs=5e-5)
    assert image.describe() == "28×28 grey pictures"


def test_a_blank_channel_has_spread_one():
    assert Image().fit(np.full((2, 4, 4), 9, dtype=np.uint8)).spread == [1.0]


@pytest.mark.parametrize(
    "values",
    [
        noise(4, 6, 6) / 255,
        (noise(4, 6, 6) / 255).astype(np.float32),
        noise(4, 6, 6).astype(float),
        noise(4, 6, 6).astype(np.int64),
        noise(4, 6, 6).astype(np.uint16) * np.uint16(257),
    ],
)
def test_brightness_of_other_types_becomes_the_same_bytes(values):
    image = Image().fit(values)
    expected = torch.from_numpy(noise(4, 6, 6)[:, None])
    assert torch.equal(image.encode(values), expected)
    assert torch.equal(image.encode(list(values)), expected)


def test_sixteen_bits_are_rounded_to_the_nearest_byte():
    values = np.array([[[128, 129, 65535, 0]]], dtype=np.uint16)
    assert Image().fit(values).encode(values).flatten().tolist() == [0, 1, 255, 0]


def test_bools_are_black_and_white():
    values = noise(2, 4, 4) > 127
    assert torch.equal(Image().fit(values).encode(values), torch.from_numpy(values[:, None]).byte() * 255)


def test_a_dark_picture_is_not_taken_for_one_that_reaches_to_1():
    values = noise(4, 4, 4).astype(float)
    image = Image().fit(values)
    assert image.unit is False
    assert image.encode(np.ones((1, 4, 4))).max() == 1
    assert Image().fit(values / 255).encode(np.ones((1, 4, 4))).max() == 255
    with pytest.raises(DataError, match="from 0 to 1"):
        Image().fit(values / 255).encode(values)
    with pytest.raises(DataError, match="from 0 to 255"):
        Image().fit(values - 128)


def test_the_size_is_theirs_where_pictures_agree_and_else_of_their_middle():
    assert Image().fit(noise(2, 30, 20)).shape == (1, 30, 20)
    assert Image().fit(noise(2, 448, 300)).shape == (1, 224, 150)
    mixed = Image().fit(column(noise(300, 500, 3), noise(310, 520, 3), noise(900, 100, 3)))
    assert mixed.shape == (3, 80, 128)  # the median, 310 × 500, by 128 / 500, in multiples of 8
    assert mixed.describe() == "80×128 colour pictures, squashed to this size"
    assert Image(size=[10, 12]).fit(noise(2, 30, 20)).shape == (1, 10, 12)


def test_a_size_that_is_none_is_refused():
    for size in ([10], [0, 4], [1, 2, 3]):
        with pytest.raises(FrameError, match="height, width"):
            Image(size=size)


def test_pictures_of_another_size_are_resized_with_their_mean_kept():
    image = Image(size=[16, 16]).fit(noise(2, 16, 16))
    coarse = image.encode([noise(160, 320)])
    assert coarse.shape == (1, 1, 16, 16)
    assert coarse.double().std() < 20  # 200 pixels of noise were averaged for each one, not one of them picked


def test_one_picture_of_any_mode_fits_a_colour_and_a_grey_model():
    red = np.zeros((8, 8, 4), dtype=np.uint8)
    red[..., 0], red[..., 3] = 204, 255
    picture = Pillow.fromarray(red)
    colour, grey = Image().fit(noise(3, 8, 8, 3)), Image().fit(noise(3, 8, 8))
    for mode in ("RGBA", "RGB", "P"):
        value = picture.convert("RGB").convert(mode)
        assert colour.encode([value])[0, :, 0, 0].tolist() == [204, 0, 0]
        assert grey.encode([value])[0, :, 0, 0].tolist() == [61]  # 0.299 · 204
    for mode in ("L", "LA", "1", "I;16", "F", "CMYK"):
        white = Pillow.new("L", (8, 8), 255)
        value = Pillow.fromarray(np.full((8, 8), 65535, dtype=np.uint16)) if mode == "I;16" else white.convert(mode)
        assert colour.encode([value]).min() == 255 and grey.encode([value]).min() == 255
    assert colour.encode([red])[0, :, 0, 0].tolist() == [204, 0, 0]
    assert colour.encode([noise(8, 8)]).shape == (1, 3, 8, 8)


def test_grey_of_arrays_is_grey_of_files():
    values = noise(2, 8, 8, 3)
    grey = Image().fit(noise(3, 8, 8))
    files = column(*(file_of(v) for v in values))
    assert torch.equal(grey.encode(values), grey.encode(files))
    assert torch.equal(grey.encode(list(values)), grey.encode(files))


def test_what_is_transparent_is_laid_on_white():
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    for values in ([clear], clear[None], [file_of(clear)], [Pillow.fromarray(clear)]):
        assert Image().fit(noise(3, 8, 8, 3)).encode(values).min() == 255


def test_paths_bytes_and_pictures_are_read_alike_and_many_at_once(tmp_path):
    values = noise(40, 12, 9, 3)
    for i, value in enumerate(values):
        Pillow.fromarray(value).save(tmp_path / f"{i:02}.png")
    paths = sorted(tmp_path.iterdir())
    image = Image().fit(column(*paths))
    assert image.shape == (3, 12, 9)
    expected = image.encode(values)
    assert torch.equal(expected, torch.from_numpy(values).permute(0, 3, 1, 2))
    opened = [Pillow.fromarray(v) for v in values]
    for form in (paths, [str(p) for p in paths], [p.read_bytes() for p in paths], opened):
        assert torch.equal(image.encode(form), expected)
    assert image.mean == Image().fit(values).mean


def test_a_large_photograph_is_unpacked_to_nearly_what_its_pixels_give():
    smooth = np.asarray(Pillow.fromarray(noise(8, 8, 3)).resize((640, 640), 3))
    image = Image(size=[32, 32]).fit(smooth[None])
    near = image.encode([file_of(smooth, "JPEG", quality=95)]).double() - image.encode(smooth[None]).double()
    assert near.abs().mean() < 3


def test_a_photograph_taken_sideways_stands_upright():
    lying = np.zeros((8, 16), dtype=np.uint8)
    lying[:, :8] = 255
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it as it was
    for form in ("PNG", "JPEG"):
        data = file_of(lying, form, exif=exif)
        image = Image().fit([data])
        assert image.shape == (1, 16, 8)
        seen = image.decode(image.encode([data]))[0]
        assert seen[:7].min() > 200 and seen[9:].max() < 50


def test_the_pictures_of_the_caller_stay_open_and_as_they_were():
    picture = Pillow.open(io.BytesIO(file_of(noise(64, 64, 3), "JPEG")))
    image = Image(size=[4, 4]).fit([picture])
    image.encode([picture])
    assert picture.size == (64, 64) and picture.load() is not None


def test_a_file_that_claims_too_many_pixels_is_refused_unread():
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for side in (8001, 10_000, 100_000):
        header = struct.pack(">IIBBBBB", side, 8000, 8, 0, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        with pytest.raises(DataError, match=r"64 million|too large"):
            Image().fit([bomb])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_broken_file_is_named_and_nothing_else_happens(form, tmp_path):
    whole = file_of(noise(64, 64), form)
    image = Image(size=[64, 64]).fit(noise(2, 64, 64))
    for broken in (whole[: len(whole) // 2], whole[:10], b"", b"no picture"):
        path = tmp_path / f"broken.{form}"
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"picture 1, .*broken.*, cannot be read"):
            image.encode([noise(64, 64), path])
    with pytest.raises(DataError, match=r"picture 0, .*gone.png, cannot be read"):
        image.encode([tmp_path / "gone.png"])


def test_what_is_no_picture_is_refused():
    image = Image().fit(noise(2, 8, 8))
    with pytest.raises(DataError, match="picture 1 is missing"):
        image.encode([noise(8, 8), None])
    with pytest.raises(ShapeError, match="1 to 4"):
        image.encode([noise(8, 8, 7)])
    with pytest.raises(ShapeError, match="give a list with it"):
        image.encode(noise(8, 8))
    with pytest.raises(DataError, match="is dict"):
        image.encode([{}])
    with pytest.raises(DataError, match="at least one picture"):
        Image().fit([])
    with pytest.raises(ShapeError, match="1, 8, 8"):
        image.decode(torch.zeros(1, 3, 8, 8))


def test_predictions_are_rounded_to_bytes():
    image = Image().fit(noise(2, 1, 4))
    assert image.decode(torch.tensor([[[[-3.0, 0.6, 254.7, 300.0]]]]))[0].tolist() == [[0, 1, 255, 255]]


def test_it_shows_what_a_picture_is():
    image = Image()
    assert image.show(noise(4, 6, 3)) == "4×6 colour picture"
    assert image.show(Path("a\x1b.png")) == "a.png"
    assert image.show(b"123") == "picture file of 3 bytes"
