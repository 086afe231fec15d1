"""Pictures, archives and arrays that explode: told by their code from their headers, in seconds and in bounded memory.

Each lies in a folder of its own, a picture among twelve good ones, and is looked at by a process forked for it. What leads
out of an archive is here too. The control opens the same files as a plain script does: Pillow, zipfile, gzip, numpy.load.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS, MEMORY = 5.0, 256 << 20  # at most, beyond what importing takes
MIB = 1 << 20
TELLING = ("64-million.png", "lies-small.zip", "shape.npz", "pickle.npz")  # what the control opens in a small dose


# -- what bombs are made of ------------------------------------------------------------------------------------------------


@cache
def zeros(mib: int) -> bytes:
    """Raw deflate data of so many MiB of zeros, put together from one block that is packed once."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * mib + b"\x03\x00"


def zlib_zeros(mib: int) -> bytes:
    return b"\x78\xda" + zeros(mib) + struct.pack(">I", (mib * MIB % 65521) << 16 | 1)


def gzip_zeros(mib: int, first: bytes) -> bytes:
    """`first`, then so many MiB of zeros: two members of one file, the second without end or checksum."""
    return gzip.compress(first) + b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + zeros(mib)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int = 8, colour: int = 0, *more: bytes) -> bytes:
    """All black. colour: 0 grey, 2 RGB, 6 RGBA. more: chunks before the pixels."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    size = height * (1 + (width * depth * channels + 7) // 8)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib_zeros(size // MIB + 1))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + pixels + chunk(b"IEND", b"")


def tiff(*fields: tuple[int, int, int, int | bytes], then: int = 0, big: bool = False) -> bytes:
    """fields: (field, type, count, value), a value in bytes is kept behind them. then: where the next directory is."""
    start = 16 if big else 8
    head = b"II+\0\x08\0\0\0" + struct.pack("<Q", start) if big else b"II*\0" + struct.pack("<I", start)
    entries, kept = b"", b""
    behind = start + (8 + 20 * len(fields) + 8 if big else 2 + 12 * len(fields) + 4)
    for field, kind, count, value in fields:
        at = behind + len(kept) if isinstance(value, bytes) else value
        entries += struct.pack("<HHQQ" if big else "<HHII", field, kind, count, at)
        kept += value if isinstance(value, bytes) else b""
    return (
        head
        + struct.pack("<Q" if big else "<H", len(fields))
        + entries
        + struct.pack("<Q" if big else "<I", then)
        + kept
    )


def small_tiff(*more: tuple[int, int, int, int | bytes], width: int = 100, height: int = 100, **how) -> bytes:
    return tiff((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (262, 3, 1, 1), *more, **how)


def gif(width: int, height: int, left: int = 0, frames: int = 1) -> bytes:
    frame = (
        b","
        + struct.pack("<HHHHB", left, left, 10, 10, 0)
        + b"\x02\x16\x8c\x2d\x99\x87\x2a\x1c\xdc\x33\xa0\x02\x75\xec"
    )
    frame += b"\x95\xfa\xa8\xde\x60\x8c\x04\x91\x4c\x01\x00"
    palette = bytes(range(12))
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x91, 0, 0) + palette + frame * frames + b";"


def jpeg(scans: int, side: int) -> bytes:
    sink = io.BytesIO()
    Image.new("L", (side, side)).save(sink, "JPEG", progressive=True)
    data = sink.getvalue()
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[last:end] * scans + data[end:]


def wide_jpeg() -> bytes:
    sink = io.BytesIO()
    Image.new("L", (8, 8)).save(sink, "JPEG")
    data = bytearray(sink.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def webp(side: int) -> bytes:
    body = b"\x2f" + ((side - 1) | (side - 1) << 14).to_bytes(4, "little") + bytes(64)
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def exif(fields: int, room: int) -> bytes:
    """A directory whose every field claims all of the room behind it."""
    entries = b"".join(struct.pack("<HHII", 1000 + i, 7, room, 8) for i in range(fields))
    return b"II*\0" + struct.pack("<IH", 8, fields) + entries + bytes(4 + room)


@dataclass(frozen=True)
class Member:
    """One of a zip archive, as its headers tell it, whatever is true."""

    name: str
    data: bytes = b""
    size: int = 0
    packed: int | None = None
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0x800
    mode: int = 0o100644
    at: int | None = None  # where its bytes are, if another's

    def head(self, at: int) -> tuple[bytes, bytes]:
        """The header before its bytes, and that in the directory."""
        name, packed = self.name.encode(), len(self.data) if self.packed is None else self.packed
        shared = struct.pack(
            "<HHHHHIIIHH", 20, self.flags, self.method, 0, 0, zlib.crc32(self.data), packed, self.size, len(name), 0
        )
        end = struct.pack("<HHHII", 0, 0, 0, self.mode << 16, at)
        return b"PK\3\4" + shared + name, b"PK\1\2" + struct.pack("<H", 0x314) + shared + end + name


def zipped(*members: Member, count: int | None = None) -> bytes:
    body, directory = [], []
    length = 0
    for member in members:
        at = length if member.at is None else member.at
        local, central = member.head(at)
        if member.at is None:
            body.append(local + member.data)
            length += len(body[-1])
        directory.append(central)
    listed = b"".join(directory)
    many = min(len(members) if count is None else count, 65_535)
    return b"".join(body) + listed + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, many, many, len(listed), length, 0)


def good() -> list[Member]:
    return [stored(f"{label}/{i}.png", data) for label, i, data in fine()]


def stored(name: str, data: bytes) -> Member:
    return Member(name, data, len(data), method=zipfile.ZIP_STORED)


@cache
def fine() -> list[tuple[str, int, bytes]]:
    """Twelve pictures, as (class, number, file)."""
    return [
        (label, i, packed(np.random.default_rng(10 * c + i).integers(0, 256, (8, 8, 3), np.uint8)))
        for c, label in enumerate(("ape", "bee"))
        for i in range(6)
    ]


def packed(pixels: np.ndarray) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "PNG")
    return sink.getvalue()


def npz(header: bytes, data: bytes = b"", version: int = 1, length: int | None = None, **lies) -> bytes:
    length = len(header) if length is None else length
    start = b"\x93NUMPY" + bytes([version, 0]) + length.to_bytes(2 if version == 1 else 4, "little") + header + data
    lies = {"size": len(start), "data": start, "method": 0, **lies}
    return zipped(Member("x.npy", **lies))


def said(descr: str, shape: str, fortran: bool = False) -> bytes:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}}}\n".encode()


class Fires:
    """What it is pickled as calls print when it is loaded."""

    def __reduce__(self) -> tuple:
        return print, ("fired",)


def idx(shape: tuple[int, ...], data: bytes = b"") -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


# -- the bombs -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bomb:
    """A file and what is told of it; `among` good pictures, or to be named itself."""

    name: str
    make: Callable[[], bytes]
    codes: tuple[str, ...]
    among: bool = True


def archive(name: str, codes: tuple[str, ...], *members: Callable[[], Member]) -> Bomb:
    return Bomb(f"{name}.zip", lambda: zipped(*good(), *(make() for make in members)), codes, among=False)


CIFAR = "cifar-10-binary.tar.gz"  # the one archive of this kind that is read
STRIPS = (273, 4, 1_000_000, bytes(4_000_000))
ONE_STRIP = ((273, 4, 1, 8), (278, 4, 1, 2**31), (279, 4, 1, 99))
PICTURES = [
    Bomb("169-million.png", lambda: png(13_000, 13_000, 1), ("D203",)),
    Bomb("64-million.png", lambda: png(8000, 7999, 8, 2), ("D203",)),
    Bomb("64-million-deep.png", lambda: png(8000, 7999, 16, 6), ("D203",)),
    Bomb("13-million.png", lambda: png(3700, 3600, 8, 2), ("D203",)),
    Bomb("header.png", lambda: png(2, 2)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + png(2, 2)[24:], ("D030",)),
    Bomb("profile.png", lambda: png(9, 9, 8, 2, chunk(b"iCCP", b"x\0\0" + zlib_zeros(300))), ("D030",)),
    Bomb("text.png", lambda: png(9, 9, 8, 2, *[chunk(b"zTXt", b"a%d\0\0" % i + zlib_zeros(1)) for i in range(900)]), ("D030",)),
    Bomb("long-text.png", lambda: png(9, 9, 8, 2, chunk(b"iTXt", b"x\0\1\0\0\0" + zlib_zeros(300))), ("D030",)),
    Bomb("metadata.png", lambda: png(9, 9, 8, 2, chunk(b"eXIf", exif(60_000, 4 * MIB))), ()),
    Bomb("length.png", lambda: png(9, 9)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + bytes(99), ("D030",)),
    Bomb("frames.png", lambda: png(9, 9, 8, 2, chunk(b"acTL", struct.pack(">II", 2**31, 0))), ("D033",)),
    Bomb("frames.gif", lambda: gif(10, 10, frames=100_000), ("D031", "D033")),
    Bomb("screen.gif", lambda: gif(65_535, 65_535), ("D203",)),
    Bomb("aside.gif", lambda: gif(10, 10, left=65_000), ("D203",)),
    Bomb("claims.tif", lambda: small_tiff((273, 4, 2**30, 8), (279, 4, 2**30, 8)), ("D030",)),
    Bomb("strips.tif", lambda: small_tiff(STRIPS, (278, 4, 1, 1), (279, *STRIPS[1:])), ("D030",)),
    Bomb("tile.tif", lambda: small_tiff((259, 3, 1, 8), (322, 4, 1, 40_000), (323, 4, 1, 40_000), (324, 4, 1, 8), (325, 4, 1, 9)),
         ("D030",)),
    Bomb("rows.tif", lambda: small_tiff((259, 3, 1, 8), *ONE_STRIP, width=8000, height=7900), ("D203",)),
    Bomb("samples.tif", lambda: small_tiff((277, 3, 1, 60_000), *ONE_STRIP), ("D030",)),
    Bomb("circle.tif", lambda: small_tiff((273, 4, 1, bytes(10_000)), (279, 4, 1, 10_000), then=8), ("D042",)),
    Bomb("far.tif", lambda: small_tiff((273, 4, 2**60, 2**63), then=2**63, big=True), ("D030",)),
    Bomb("scans.jpg", lambda: jpeg(600, 2000), ("D030",)),
    Bomb("sides.jpg", wide_jpeg, ("D203",)),
    Bomb("sides.webp", lambda: webp(16_383), ("D030",)),
    Bomb("sides.bmp", lambda: b"BM" + struct.pack("<IHHIIiiHH", 54, 0, 0, 54, 40, 30_000, 30_000, 1, 24) + bytes(24), ("D203",)),
    Bomb("sides.pgm", lambda: b"P5 100000 100000 255\n", ("D203",)),
    Bomb("digits.pgm", lambda: b"P2 9 9 255\n" + b"1" * 5_000_000, ("D030",)),
    Bomb("laughs.png", lambda: b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha">' + b'<!ENTITY b "&a;&a;">' * 9, ("D030",)),
    Bomb("terabyte.png", lambda: b"", ("D030",)),  # made sparse
]  # fmt: skip
ARCHIVES = [
    archive("ratio", ("D211",), lambda: Member("ape/x.png", zeros(300), 300 * MIB)),
    archive("many-small", ("D211",), *[lambda i=i: Member(f"ape/x{i}.png", zeros(9), 9 * MIB) for i in range(40)]),
    archive("overlap", ("D211",), *[lambda i=i: Member(f"ape/x{i}.png", size=9 * MIB, packed=MIB, at=0) for i in range(400)]),
    archive("claims", ("D211",), lambda: Member("ape/x.png", b"", 2**32 - 2, packed=2**31)),
    archive("lies-small", ("D030",), lambda: Member("ape/x.png", zeros(300), 100)),
    archive("absolute", ("D212",), lambda: Member("/etc/x.png")),
    archive("dots", ("D212",), lambda: Member("ape/../../x.png")),
    archive("backslash", ("D212",), lambda: Member("ape\\..\\x.png")),
    archive("drive", ("D212",), lambda: Member("C:/x.png")),
    archive("share", ("D212",), lambda: Member("//host/x.png")),
    archive("link", ("D213",), lambda: Member("ape/x.png", b"/etc/passwd", 11, method=0, mode=0o120777)),
    archive("twice", ("D214",), lambda: Member("ape/0.png")),
    archive("case", ("D030", "D049"), lambda: Member("APE/0.png"), lambda: replace(good()[0], name="APE/6.png")),
    archive("deep", ("D212",), lambda: Member("a/" * 30_000 + "x.png")),
    archive("locked", ("D215",), lambda: Member("ape/x.png", flags=0x801)),
    archive("bzip2", ("D215",), lambda: Member("ape/x.png", method=zipfile.ZIP_BZIP2)),
    archive("lzma", ("D215",), lambda: Member("ape/x.png", method=zipfile.ZIP_LZMA)),
    Bomb("nested.zip", lambda: zipped(*[stored(f"{i}.zip", zipped(*good())) for i in range(99)]), ("D200",), False),
    Bomb("torn.zip", lambda: zipped(*good())[:-30], ("D210",), False),
    Bomb("far.zip", lambda: zipped(*good())[:-10] + struct.pack("<IIH", 2**31, 2**31, 0), ("D210",), False),
    Bomb("depth.zip", lambda: zipped(*good(), stored("instances_train.json", b"[" * 1_000_000)), ("D220",), False),
    Bomb("shape.npz", lambda: npz(said("'<f8'", "(1000000000000,)")), ("D230",), False),
    Bomb("fortran.npz", lambda: npz(said("'<f8'", "(1000000, 1000000)", True)), ("D230",), False),
    Bomb("negative.npz", lambda: npz(said("'<f8'", "(-1, -8)"), bytes(64)), ("D230",), False),
    Bomb("nothing.npz", lambda: npz(said("'|V0'", "(1000000000000,)")), ("D230",), False),
    Bomb("wide.npz", lambda: npz(said("'<U500000000'", "(9,)")), ("D230",), False),
    Bomb("pickle.npz", lambda: npz(said("'|O'", "(1,)"), pickle.dumps(np.array([Fires()], object))), ("D231",), False),
    Bomb("long-header.npz", lambda: npz(b"", b"", 2, 2**32 - 1), ("D230",), False),
    Bomb("deep-header.npz", lambda: npz(b"(" * 9000 + b"\n"), ("D230",), False),
    Bomb("ratio.npz", lambda: npz(b"", data=zeros(300), size=300 * MIB, method=zipfile.ZIP_DEFLATED), ("D211",), False),
    Bomb("twice.npz", lambda: zipped(Member("x.npy"), Member("x.npy")), ("D214",), False),
    Bomb("alone.npy", lambda: npz(said("'|O'", "(1,)")), ("D105",), False),
    Bomb("train-images-idx3-ubyte", lambda: idx((2**32 - 1,) * 3), ("D240",), False),
    Bomb("zero-images-idx4-ubyte", lambda: idx((0, 2**32 - 1, 2**32 - 1, 2**32 - 1)), ("D240",), False),
    Bomb(CIFAR, lambda: gzip_zeros(300, tar("data_batch_1.bin", 300 * MIB)), ("D211",), False),
    Bomb(CIFAR, lambda: gzip_zeros(300, tar("x", 299 * MIB, b"x")), ("D211",), False),
    Bomb(CIFAR, lambda: gzip.compress(tar("x", 2**33 - 1, b"x")), ("D217",), False),
    Bomb(CIFAR, lambda: gzip.compress(tar("../../x", 0) * 50_000), ("D217",), False),
    Bomb("gz-images-idx3-ubyte.gz", lambda: gzip_zeros(300, idx((300, 1024, 1024))), ("D211",), False),
    Bomb("more-images-idx3-ubyte.gz", lambda: gzip_zeros(300, idx((10, 10, 10))), ("D240",), False),
]  # fmt: skip


def tar(name: str, size: int, kind: bytes = b"0") -> bytes:
    """The header of one member: kind "x" is a header of further headers."""
    head = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
    rest = kind + bytes(100) + b"ustar\x0000" + bytes(247)
    return head + b"%06o\0 " % (sum(head + rest) + 8 * 32) + rest


def crowd(members: int) -> bytes:
    """An archive of so many empty members."""
    at, directory = 0, []
    for i in range(members):
        name = b"ape/%d.png" % i
        directory.append(b"PK\1\2" + struct.pack("<HHHHHH", 788, 20, 0, 0, 0, 0) + bytes(12))
        directory.append(struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, at) + name)
    listed = b"".join(directory)
    local = b"PK\3\4" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ends = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, members, members, len(listed), len(local))
    ends = b"PK\6\6" + ends + b"PK\6\7" + struct.pack("<IQI", 0, len(local) + len(listed), 1)
    return local + listed + ends + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 65_535, 65_535, 2**32 - 1, 2**32 - 1, 0)


def laid_out(root: Path, bomb: Bomb) -> Path:
    """What is to be looked at: the file itself, or the folder of good pictures that it lies among."""
    root.mkdir()
    if bomb.name == CIFAR:
        (root / "cifar-10").mkdir()
        (root / "cifar-10" / CIFAR).write_bytes(bomb.make())
        return root / "cifar-10"
    if not bomb.among:
        (root / bomb.name).write_bytes(bomb.make())
        return root / bomb.name
    for label, i, data in fine():
        (root / label).mkdir(exist_ok=True)
        (root / label / f"{i}.png").write_bytes(data)
    path = root / "ape" / bomb.name
    path.write_bytes(bomb.make())
    if "terabyte" in bomb.name:
        with path.open("r+b") as file:
            file.truncate(1 << 40)  # of which nothing is on the disk
    return root


# -- looking at them -------------------------------------------------------------------------------------------------------

# each path in a process forked for it, after everything has been imported; one line of JSON each
MEASURED = """
import gc, json, os, resource, signal, sys, time
{imports}
gc.collect()
gc.freeze()  # or every child would copy the whole heap in its first collection
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
for path in sys.argv[1:]:
    if os.fork():
        if os.wait()[1]:
            print(json.dumps([path, ["died"], 60, 0]), flush=True)
        continue
    signal.alarm(60)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    before, begun = peak(), time.perf_counter()
    try:
        codes = look(path)
    except BaseException as error:
        codes = [type(error).__name__]
    print(json.dumps([path, codes, time.perf_counter() - begun, peak() - before]), flush=True)
    os._exit(0)
"""
OURS = MEASURED.format(
    imports="""
import mapsto, mapsto.framing.verbs, mapsto.data.coco, mapsto.data.zoo, PIL.Image, sklearn.tree
from mapsto.models import ConvNet
PIL.Image.init()
def look(path):
    how = dict(source="cifar-10", data_dir=os.path.dirname(path)) if path.endswith("cifar-10") else dict(source=path)
    return sorted({f.code for f in mapsto.check(**how) if not f.code.startswith("C")})
"""
)
THEIRS = MEASURED.format(
    imports="""
import gzip, warnings, zipfile
import numpy, PIL.Image
PIL.Image.init()
warnings.simplefilter("ignore")
def look(path):
    fired = []
    __builtins__.print = lambda *said, **how: fired.append("ran code") if said == ("fired",) else print_(*said, **how)
    if path.endswith(".npz"):
        kept = [array for array in numpy.load(path, allow_pickle=True).values()]
    elif path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            kept = [archive.read(name) for name in archive.namelist()]
    elif path.endswith(".gz"):
        kept = gzip.open(path).read()
    elif "ubyte" in path:
        kept = numpy.fromfile(path, "u1")[16:].reshape(numpy.fromfile(path, ">u4")[1:4])
    else:
        kept = PIL.Image.open(path).convert("RGB")
    return fired or ["read"]
print_ = print
"""
)


@dataclass(frozen=True)
class Looked:
    codes: tuple[str, ...]
    seconds: float
    memory: int  # bytes at most, beyond what importing took


def looked(program: str, paths: list[Path]) -> list[Looked]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *map(str, paths)], capture_output=True, text=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [path for path, *_ in lines] == [str(path) for path in paths], done.stderr[-2000:]
    return [Looked(tuple(codes), seconds, memory) for _, codes, seconds, memory in lines]


def test_what_explodes_is_told_from_its_header_in_seconds_and_in_bounded_memory(tmp_path, dose, counted):
    members = dose(250_000, 1_000_000)
    bombs = [*PICTURES, *ARCHIVES, Bomb("crowd.zip", lambda: crowd(members), ("D211",), among=False)]
    paths = [laid_out(tmp_path / str(i), bomb) for i, bomb in enumerate(bombs)]
    found = dict(zip(bombs, looked(OURS, paths), strict=True))
    wrong = [
        f"{bomb.name}: {found.codes} in {found.seconds:.1f} s and {found.memory >> 20} MiB, not {bomb.codes}"
        for bomb, found in found.items()
        if found.codes != bomb.codes or found.seconds > SECONDS or found.memory > MEMORY
    ]
    for path in tmp_path.iterdir():
        assert sum(p.is_file() for p in path.rglob("*")) in (1, 13), f"something was unpacked into {path}"
    opened = [b.name for b in bombs if b.name not in ("terabyte.png", CIFAR)] if dose(0, 1) else TELLING
    naive = looked(
        THEIRS, [p / "ape" / b.name if b.among else p for b, p in zip(bombs, paths, strict=True) if b.name in opened]
    )
    taken = sum(
        look.memory > MEMORY or look.seconds > SECONDS or look.codes in (("died",), ("MemoryError",), ("ran code",))
        for look in naive
    )
    counted(
        "bombs",
        tried=len(bombs),
        held=len(bombs) - len(wrong),
        control=f"Pillow, zipfile, gzip, numpy.load: {taken} of {len(naive)} go off",
        slowest_seconds=round(max(look.seconds for look in found.values()), 1),
        largest_MiB=max(look.memory for look in found.values()) >> 20,
    )
    assert not wrong, "\n".join(wrong)
    assert taken >= len(TELLING), "the control has to take in what explodes"
