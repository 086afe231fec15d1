"""A picture: a photograph, a drawn digit."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from mapsto.core.errors import DataError, FrameError, ShapeError
from mapsto.core.nouns import Domain
from mapsto.core.text import clean, many
from mapsto.domains.picture_file import LARGEST_FILE, open_picture, quiet, turn_of, undecodable

SIDE_KEPT, SIDE_MIXED = 224, 128  # longest side where all pictures are of one size, and where they are not
LOOKED_AT = 2000  # pictures that `fit` unpacks to learn brightness, evenly spread; of a dense array it takes all
LUMA = (19595, 38470, 7471)  # red, green, blue → grey in parts of 65536: ITU-R 601, as Pillow rounds it
FILE = str | Path | bytes | bytearray | memoryview
BILINEAR = 2  # Pillow's number for it
ON_ITS_SIDE = (2, 4, 5, 6)  # the transpositions of Pillow that exchange height and width
GREY_MODES = ("1", "L", "LA", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")


class Image(Domain):
    """A picture of one size and one number of channels, whatever size and mode it came in.

    Raw: arrays [H, W] or [H, W, C] with C = 1 (grey), 3 (RGB), 4 (RGBA) or 2 (grey and alpha); channels may also come
        first. Brightness is uint8; of other types, bools are 0 and 255, uint16 goes to 65535, floats go to 1 if none of
        the training pictures (none of this one, where those were no floats) exceeds 1, and all else goes to 255.
        Or PIL images, paths, or the bytes of a file; these are turned as their EXIF orientation says.
        A dense array is [N, H, W] or [N, H, W, C].
    encode: N pictures → uint8 [N, C, H, W]. Pictures of another size are squashed to [H, W], their proportions not kept
        (Pillow's bilinear filter, antialiased). What is transparent is laid on white. Colour becomes grey by ITU-R 601.
    ready: uint8, or floats 0 … 255, → float32, each channel less its training mean, over its training spread.
    decode: [N, C, H, W] of 0 … 255 → uint8 arrays [H, W] or [H, W, 3].
    size: [H, W]. None learns it: the size of the training pictures if they agree, scaled down to 224 on the longer
        side; else their median height and width, scaled down to 128 on the longer side, in multiples of 8.
    """

    learned = ("height", "width", "channels", "mean", "spread", "squashed", "unit")
    present: ClassVar[str] = "bytes have no place for a missing picture: sources leave such rows out and count them"

    def __init__(self, size: list[int] | None = None):
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise FrameError(f"Image's size is [height, width] in pixels, but got {size}.", "Leave it out to learn it.")
        self.size = size
        self.height, self.width = size or (0, 0)
        self.channels = 1
        self.mean: list[float] = []  # per channel, 0 … 255
        self.spread: list[float] = []
        self.squashed = False  # whether training pictures had to be brought to size
        self.unit: bool | None = None  # whether float pictures go to 1; None where training showed none
        self._affine: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def fit(self, values: Sequence) -> Self:
        if not len(values):
            raise DataError("Image needs at least one picture to learn its size from, but there is none.")
        pictures = _Pictures(values)
        with quiet():
            self.unit = pictures.unit()
            sizes, grey = pictures.sizes()
            self.height, self.width = self.size or _size_for(sizes)
            self.channels = 1 if grey else 3
            self.squashed = bool((sizes != (self.height, self.width)).any())
            self.mean, self.spread = self._brightness(pictures)
        self._affine = {}
        return self

    def encode(self, values: Sequence) -> Tensor:
        with quiet():
            return torch.from_numpy(self._bytes(_Pictures(values)))

    def ready(self, encoded: Tensor) -> Tensor:
        device = encoded.device
        if device not in self._affine:
            spread = torch.tensor(self.spread, dtype=torch.float64)
            mean = torch.tensor(self.mean, dtype=torch.float64)
            with torch.inference_mode(False):  # kept for later calls, which may want gradients
                self._affine[device] = tuple(t.float()[:, None, None].to(device) for t in (1 / spread, -mean / spread))
        scale, shift = self._affine[device]
        return torch.addcmul(shift, encoded.float(), scale)

    def decode(self, encoded: Tensor) -> list[np.ndarray]:
        if encoded.dim() != 4 or tuple(encoded.shape[1:]) != self.shape:
            raise ShapeError(f"Image decodes [N, {', '.join(map(str, self.shape))}], but got {list(encoded.shape)}.")
        if encoded.is_floating_point():
            encoded = encoded.detach().nan_to_num(0.0).round().clamp(0, 255).to(torch.uint8)
        pixels = encoded.cpu().permute(0, 2, 3, 1).contiguous().numpy()
        return list(pixels[..., 0] if self.channels == 1 else pixels)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.channels, self.height, self.width)

    @property
    def outputs(self) -> tuple[int, ...]:
        return self.shape

    def show(self, value: Any) -> str:
        if value is None:
            return "–"
        if isinstance(value, str | Path):
            return clean(str(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return f"picture file of {many(len(value), 'byte')}"
        array = np.asarray(value)
        height, width = _height_and_width(array.shape)
        return f"{height}×{width} {'grey' if _channels(array.shape) < 3 else 'colour'} picture"

    def describe(self) -> str:
        words = f"{self.height}×{self.width} {'grey' if self.channels == 1 else 'colour'} pictures"
        return f"{words}, squashed to this size" if self.squashed else words

    def load_state_dict(self, state: dict[str, Any]) -> Self:
        super().load_state_dict(state)
        self._affine = {}
        return self

    @classmethod
    def examples(cls, count: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(256, size=(count, 8, 16, 3), dtype=np.uint8)

    def _brightness(self, pictures: _Pictures) -> tuple[list[float], list[float]]:
        """Mean and population spread of each channel, 0 … 255; the spread of a blank one is 1."""
        count = len(pictures)
        looked_at = np.arange(count)
        if pictures.dense is None and count > LOOKED_AT:
            looked_at = np.linspace(0, count - 1, LOOKED_AT).astype(np.int64)
        total = square = np.zeros(self.channels)
        for start in range(0, len(looked_at), LOOKED_AT):
            pixels = self._bytes(pictures.take(looked_at[start : start + LOOKED_AT]))
            total = total + pixels.sum((0, 2, 3), dtype=np.uint64)  # whole numbers: exact in any order
            square = square + np.square(pixels, dtype=np.uint16).sum((0, 2, 3), dtype=np.uint64)
        mean = total / (len(looked_at) * self.height * self.width)
        spread = np.sqrt(np.maximum(square / (len(looked_at) * self.height * self.width) - mean**2, 0.0))
        return mean.tolist(), np.where(spread > 0, spread, 1.0).tolist()

    def _bytes(self, pictures: _Pictures) -> np.ndarray:
        """uint8 [N, C, H, W], a copy."""
        dense = pictures.dense
        if dense is not None and dense.shape[1:3] == (self.height, self.width) and dense.shape[3] in (1, 3):
            pixels = _to_channels(_bytes_of(dense, self.unit, "a picture"), self.channels).transpose(0, 3, 1, 2)
            return np.array(pixels, order="C")
        out = np.empty((len(pictures), *self.shape), dtype=np.uint8)

        def place(i: int) -> None:
            out[i] = self._one(pictures[i], f"picture {i}").transpose(2, 0, 1)

        if pictures.files and len(pictures) > 32:
            # Pillow lets go of the interpreter's lock while it unpacks
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
                list(threads.map(place, range(len(pictures))))
        else:
            for i in range(len(pictures)):
                place(i)
        return out

    def _one(self, value: Any, where: str) -> np.ndarray:
        """uint8 [H, W, C]."""
        if isinstance(value, np.ndarray):
            array = _as_bytes(value, self.unit, where)
            if array.shape[:2] == (self.height, self.width) and array.shape[2] in (1, 3):
                return _to_channels(array, self.channels)
            return self._fitting(_picture_of(array), where)
        picture = _opened(value, where)
        if picture is value:  # the caller's own, not to be closed
            return self._fitting(picture, where)
        with picture:
            reach = 2 * max(self.height, self.width)
            picture.draft(None, (reach, reach))  # unpack a JPEG at a half, a quarter or an eighth where that will do
            return self._fitting(picture, _called(value, where))

    def _fitting(self, picture: Any, where: str) -> np.ndarray:
        """A PIL image → uint8 [H, W, C]."""
        turn = turn_of(picture)
        try:
            picture.load()
            picture = picture if turn is None else picture.transpose(turn)
        except Exception as error:  # a damaged file makes a decoder raise anything at all
            raise _unreadable(where, undecodable(error)) from error
        array = _pixels(picture, self.channels, where)
        if array.shape[:2] != (self.height, self.width):
            array = np.asarray(_picture_of(array).resize((self.width, self.height), BILINEAR))
        return array.reshape(self.height, self.width, self.channels)


class _Pictures:
    """A column of raw pictures; `dense` [N, H, W, C] where it is one array."""

    def __init__(self, values: Sequence):
        self.values = values
        self.dense: np.ndarray | None = None
        if isinstance(values, Tensor):
            values = self.values = values.detach().cpu().numpy()
        if isinstance(values, np.ndarray) and values.dtype != object and values.ndim in (3, 4):
            first = values.ndim == 4 and _channels_first(values.shape[1:])
            self.dense = values[..., None] if values.ndim == 3 else np.moveaxis(values, 1, 3) if first else values
            if self.dense.shape[3] > 4:
                raise ShapeError(f"Image needs [N, H, W] or [N, H, W, C], C from 1 to 4, but got {list(values.shape)}.")
        elif isinstance(values, np.ndarray) and values.ndim != 1:
            raise ShapeError(
                f"Image needs a column of pictures, [N, H, W] or [N, H, W, C], but got {list(values.shape)}.",
                "For one picture, give a list with it.",
            )
        self.files = self.dense is None and any(isinstance(value, FILE) for value in values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: int) -> Any:
        """uint8 or other array [H, W] or [H, W, C], or what Pillow can open."""
        value = self.values[i] if self.dense is None else self.dense[i]
        if value is None or isinstance(value, float):
            raise DataError(f"picture {i} is missing, and bytes have no place for that.", "Leave this row out.")
        if isinstance(value, Tensor):
            return value.detach().cpu().numpy()
        return np.asarray(value) if isinstance(value, list | tuple) else value

    def take(self, index: np.ndarray) -> _Pictures:
        return _Pictures(self.values[index] if isinstance(self.values, np.ndarray) else [self.values[i] for i in index])

    def unit(self) -> bool | None:
        """Whether float pictures reach from 0 to 1; None where there is none."""
        if self.dense is not None:
            return bool(self.dense.max() <= 1) if self.dense.dtype.kind == "f" and self.dense.size else None
        tops = [
            float(v.max())
            for v in (self[i] for i in range(len(self)))
            if isinstance(v, np.ndarray) and v.dtype.kind == "f" and v.size
        ]
        return max(tops) <= 1 if tops else None

    def sizes(self) -> tuple[np.ndarray, bool]:
        """Height and width [N, 2] as they will be seen, and whether all are grey. Of files, reads the header alone."""
        if self.dense is not None:
            return np.array([self.dense.shape[1:3]]), self.dense.shape[3] < 3
        found = [self._header(i) for i in range(len(self))]
        return np.array([(height, width) for height, width, _ in found]), all(grey for *_, grey in found)

    def _header(self, i: int) -> tuple[int, int, bool]:
        value = self[i]
        if isinstance(value, np.ndarray):
            return *_height_and_width(value.shape), _channels(value.shape) < 3
        picture = _opened(value, f"picture {i}")
        # a PNG would be unpacked in search of an orientation behind its pixels
        turn = turn_of(picture) if picture.format != "PNG" or "exif" in picture.info else None
        height, width = picture.size if turn in ON_ITS_SIDE else picture.size[::-1]
        grey = picture.mode in GREY_MODES
        if picture is not value:
            picture.close()
        return height, width, grey


def _size_for(sizes: np.ndarray) -> tuple[int, int]:
    """The size to bring pictures of `sizes` [N, 2] to: see Image."""
    if (sizes == sizes[0]).all():
        side = sizes[0].max()
        scale = min(1.0, SIDE_KEPT / side)
        height, width = (max(1, round(s * scale)) for s in sizes[0].tolist())
        return height, width
    middle = np.median(sizes, axis=0)
    scale = min(1.0, SIDE_MIXED / middle.max())
    height, width = (max(8, round(s * scale / 8) * 8) for s in middle.tolist())
    return height, width


def _channels_first(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[2] > 4 and shape[0] in (1, 3, 4)


def _height_and_width(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[1], shape[2]) if _channels_first(shape) else (shape[0], shape[1])


def _channels(shape: tuple[int, ...]) -> int:
    return 1 if len(shape) == 2 else shape[0] if _channels_first(shape) else shape[2]


def _as_bytes(array: np.ndarray, unit: bool | None, where: str) -> np.ndarray:
    """One array of any accepted kind → uint8 [H, W, C]."""
    if array.ndim == 2:
        array = array[..., None]
    elif _channels_first(array.shape):
        array = np.moveaxis(array, 0, 2)
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4 or not array.size:
        raise ShapeError(f"{where} should be [H, W] or [H, W, C] with 1 to 4 channels, but is {list(array.shape)}.")
    return _bytes_of(array, unit, where)


def _bytes_of(array: np.ndarray, unit: bool | None, where: str) -> np.ndarray:
    """Brightness of any type as uint8. DataError for numbers that are none."""
    if array.dtype == np.uint8 or not array.size:
        return array.astype(np.uint8, copy=False)
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return np.round(array / 257).astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{where} should hold numbers, but holds {array.dtype}.")
    low, high = float(array.min()), float(array.max())
    unit = array.dtype.kind == "f" and (high <= 1 if unit is None else unit)
    if not 0 <= low <= high <= (1 if unit else 255):
        raise DataError(
            f"{where} should hold values from 0 to {1 if unit else 255}, but they reach from {low:g} to {high:g}.",
            "Scale it as the training pictures were, or read the values as Vector.",
        )
    return np.round(array * 255.0 if unit else array).astype(np.uint8)


def _to_channels(array: np.ndarray, channels: int) -> np.ndarray:
    """uint8 […, 1 or 3] → uint8 […, channels]."""
    if array.shape[-1] == channels:
        return array
    if channels == 3:
        return np.broadcast_to(array, (*array.shape[:-1], 3))
    parts = [array[..., c].astype(np.uint32) * weight for c, weight in enumerate(LUMA)]
    return ((parts[0] + parts[1] + parts[2] + 0x8000) >> 16).astype(np.uint8)[..., None]


def _picture_of(array: np.ndarray) -> Any:
    """uint8 [H, W, C] → a PIL image."""
    from PIL import Image as Pillow

    return Pillow.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2] == 1 else array))


def _opened(value: Any, where: str) -> Any:
    """The PIL image that a path, bytes, or a PIL image stands for; its pixels are not unpacked yet."""
    from PIL import Image as Pillow

    if isinstance(value, Pillow.Image):
        return value
    where = _called(value, where)
    try:
        if isinstance(value, bytes | bytearray | memoryview):
            return open_picture(bytes(value))
        if isinstance(value, str | Path):
            about = Path(value).stat()
            if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_FILE:
                raise DataError(f"it is no file, or holds more than {LARGEST_FILE >> 20} MiB.", code="D030")
            return open_picture(Path(value).read_bytes())
    except OSError as error:
        raise _unreadable(where, DataError(error.strerror or "it cannot be opened", code="D030")) from error
    except DataError as error:
        raise _unreadable(where, error) from error
    raise DataError(f"{where} should be an array, a path, bytes or a PIL image, but is {type(value).__name__}.")


def _pixels(picture: Any, channels: int, where: str) -> np.ndarray:
    """A PIL image → uint8 [H, W, channels]."""
    from PIL import Image as Pillow

    if picture.mode == "F" or picture.mode.startswith("I"):
        array = np.asarray(picture)
        if array.dtype.kind in "iu" and array.max() > 255:  # 16 bits, whatever Pillow keeps them in
            array = np.clip(array, 0, 65535).astype(np.uint16)
        return _to_channels(_as_bytes(array, None, where), channels)
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Pillow.alpha_composite(Pillow.new("RGBA", layer.size, "white"), layer)
    array = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    return array.reshape(*array.shape[:2], channels)


def _called(value: Any, where: str) -> str:
    return f"{where}, {clean(str(value), 120)}," if isinstance(value, str | Path) else where


def _unreadable(where: str, error: DataError) -> DataError:
    why = clean(error.message, 200).rstrip(".")
    return DataError(
        f"{where} cannot be read as a picture: {why}.", error.remedy or "Mend the file, or leave it out.", error.code
    )
