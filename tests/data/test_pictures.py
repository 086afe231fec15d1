"""One picture: any mode to 8 bits, upright, and what is no picture is called what it is."""

import io

import numpy as np
import pytest
from PIL import Image

from mapsto.core.errors import DataError
from mapsto.data import pictures
from mapsto.domains.picture_file import quiet


def packed(image, kind="PNG", **options):
    sink = io.BytesIO()
    image.save(sink, kind, **options)
    return sink.getvalue()


GRADIENT = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def test_grey_stays_grey_and_colour_stays_colour():
    assert (pictures.decode(packed(Image.fromarray(GRADIENT))).pixels == GRADIENT).all()
    colour = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    got = pictures.decode(packed(Image.fromarray(colour)))
    assert (got.pixels == colour).all() and got.notes == ()


def test_sixteen_bits_are_scaled_not_clipped():
    deep = (np.arange(48).reshape(6, 8) * 1300).astype(np.uint16)
    got = pictures.decode(packed(Image.fromarray(deep)))
    assert got.notes == ("16-bit",) and (got.pixels == np.round(deep / 257)).all()


def test_one_bit_becomes_black_and_white():
    got = pictures.decode(packed(Image.fromarray(GRADIENT > 100)))
    assert set(np.unique(got.pixels)) == {0, 255} and got.notes == ("1-bit",)


def test_palettes_become_colour_or_grey_as_their_colours_are():
    colour = Image.new("RGB", (4, 4), (200, 10, 30)).convert("P")
    got = pictures.decode(packed(colour, "GIF"))
    assert got.pixels.shape == (4, 4, 3) and abs(int(got.pixels[0, 0, 0]) - 200) < 30 and "palette" in got.notes
    grey = Image.fromarray(GRADIENT).convert("P")
    assert pictures.decode(packed(grey, "PNG")).pixels.shape == (6, 8)


def test_transparent_parts_are_laid_on_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    got = pictures.decode(packed(clear))
    assert (got.pixels == 255).all() and got.pixels.shape == (4, 4, 3) and "transparency" in got.notes


def test_cmyk_becomes_rgb():
    got = pictures.decode(packed(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG"))
    assert got.pixels.shape == (4, 4, 3) and got.pixels[0, 0, 0] > 200 > 60 > got.pixels[0, 0, 1]


def test_exif_turns_the_picture_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    got = pictures.decode(packed(Image.fromarray(GRADIENT), "PNG", exif=exif))
    assert (got.pixels == np.rot90(GRADIENT, -1)).all() and got.notes == ("turned by EXIF",)


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.fromarray(np.full((4, 4), v, np.uint8)) for v in (10, 200)]
    got = pictures.decode(packed(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (got.pixels == 10).all() and "first frame of several" in got.notes


def test_the_longest_side_can_be_bounded():
    wide = Image.fromarray(np.zeros((100, 400, 3), np.uint8))
    assert pictures.decode(packed(wide), longest=64).pixels.shape == (16, 64, 3)
    assert pictures.decode(packed(Image.fromarray(GRADIENT)), longest=64).pixels.shape == (6, 8)


def test_a_huge_picture_is_refused_by_its_header_alone():
    header = packed(Image.new("1", (20_000, 10_000)))
    with quiet(), pytest.raises(DataError, match="too large"):
        pictures.decode(header[:200])


@pytest.mark.parametrize(
    "data, what",
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"\n <html>", "web page"),
        (b"not found", "text saved"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        (b"\0\0\0\x18ftypheic\0\0", "HEIC"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "cannot be decoded"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n\xff", "cannot be decoded"),
    ],
)
def test_what_is_no_picture_is_called_what_it_is(data, what):
    with pytest.raises(DataError, match=what):
        pictures.decode(data)


def test_a_picture_cut_short_is_refused():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    for kind in ("PNG", "JPEG"):
        whole = packed(Image.fromarray(noise), kind)
        with pytest.raises(DataError, match="cut short"):
            pictures.decode(whole[: len(whole) // 2])


def test_random_damage_raises_data_errors_and_nothing_else():
    rng = np.random.default_rng(0)
    whole = {kind: packed(Image.fromarray(GRADIENT), kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")}
    with quiet():
        for data in whole.values():
            for _ in range(40):
                broken = bytearray(data)
                for at in rng.integers(0, len(data), 6):
                    broken[at] = rng.integers(0, 256)
                try:
                    assert pictures.decode(bytes(broken)).pixels.dtype == np.uint8
                except DataError:
                    pass
