"""Tensors in a file: the header of safetensors data is checked here before the library sees it.

The format (github.com/huggingface/safetensors): eight bytes that say how long the header is, a header in JSON that says of
each name its dtype, shape and place, then the numbers. The library takes a name that comes twice, and shapes such as
(0, 2⁶⁰), though the format's text forbids the one and no memory could hold the other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from mapsto.core.errors import Damaged
from mapsto.core.hints import WHOLE
from mapsto.core.reading import RESTORE, parse_json
from mapsto.core.text import clean

HEADER_BYTES = 8 << 20  # some 70,000 tensors
NAME = 1000  # characters
DIMENSIONS = 16
NUMBERS = 2**40  # in one tensor, where a dimension of 0 counts as 1
DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "C64": torch.complex64,
}


class Entry(NamedTuple):
    """What a header says of one tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]


def load(data: bytes, where: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, each in memory of its own. Damaged names `where` and what is wrong with it."""
    stated = header(data, where)
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, TypeError, RuntimeError) as error:
        raise _damaged(where, clean(str(error), 200)) from error
    for name, tensor in tensors.items():
        if stated[name].dtype == torch.bool and tensor.numel() and int(tensor.view(torch.uint8).max()) > 1:
            raise _damaged(where, f"tensor '{clean(name, 60)}' is of yes and no, but holds other values")
    return tensors


def header(data: bytes, where: str) -> dict[str, Entry]:
    """Name → dtype and shape, from data whose header says exactly what they hold. Allocates no tensor."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, HEADER_BYTES):
        raise _damaged(where, f"a header of {length:,} bytes in a file of {len(data):,}")
    written = parse_json(data[8 : 8 + length], where)
    if not isinstance(written, dict):
        raise _damaged(where, "its header is no table of tensors")
    about = written.pop("__metadata__", {})
    if not isinstance(about, dict) or not all(isinstance(value, str) for value in about.values()):
        raise _damaged(where, "its metadata are not words")
    places = []
    entries = {}
    for name, stated in written.items():
        entries[name], place = _entry(name, stated, where)
        places.append(place)
    end = 0
    for start, stop in sorted(places):
        if start != end:
            raise _damaged(where, f"tensors that overlap, or a hole between them, at byte {min(start, end):,}")
        end = stop
    if end != len(data) - 8 - length:
        raise _damaged(where, f"{end:,} bytes of tensors are stated, but {len(data) - 8 - length:,} are there")
    return entries


def _entry(name: str, stated: Any, where: str) -> tuple[Entry, tuple[int, int]]:
    """One line of a header: what the tensor is, and the bytes [start, stop) where it lies."""
    shown = clean(name, 60)
    if len(name) > NAME:
        raise _damaged(where, f"a name of {len(name):,} characters")
    if not isinstance(stated, dict) or stated.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(where, f"tensor '{shown}' needs dtype, shape and data_offsets, and nothing else")
    dtype, shape, place = stated["dtype"], stated["shape"], stated["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _damaged(where, f"tensor '{shown}' is of the unknown dtype {clean(repr(dtype), 40)}")
    if not _counts(shape) or len(shape) > DIMENSIONS or math.prod(max(side, 1) for side in shape) > NUMBERS:
        raise _damaged(where, f"tensor '{shown}' cannot have the shape {clean(repr(shape), 60)}")
    if not _counts(place) or len(place) != 2:
        raise _damaged(where, f"tensor '{shown}' cannot lie at {clean(repr(place), 60)}")
    start, stop = place
    if stop - start != math.prod(shape) * DTYPES[dtype].itemsize:
        raise _damaged(where, f"tensor '{shown}' of {dtype} {shape} does not fit into bytes {start:,} to {stop:,}")
    return Entry(DTYPES[dtype], tuple(shape)), (start, stop)


def _counts(value: Any) -> bool:
    """Whether it is a list of whole numbers of 0 or more (True is none, though Python counts it as 1)."""
    return isinstance(value, list) and all(type(number) is int and 0 <= number <= WHOLE for number in value)


def _damaged(where: str, what: str) -> Damaged:
    return Damaged(f"{clean(where)}: not the weights that mapsto writes: {what}.", RESTORE, "M005")
