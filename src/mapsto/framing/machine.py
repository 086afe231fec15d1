"""What there is on this machine: Python, the libraries below, devices, memory, disk, and where data sets are.

Nothing below mapsto is imported before it is known to be there.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import mapsto


@dataclass(frozen=True)
class Fact:
    """`good` is False where it must be otherwise for mapsto to work."""

    name: str
    value: str
    good: bool = True


def libraries() -> list[Fact]:
    """mapsto, Python, and the libraries that mapsto needs or can use; each that is missing or too old on a line of its own."""
    versions, amiss = [], []
    for name, least, extra in _requirements():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            remedy = f"pip install 'mapsto[{extra}]'" if extra else f"pip install '{name}>={least}'"
            amiss.append(Fact(name, f"not installed{', and not needed' if extra else ''}: {remedy}", bool(extra)))
            continue
        versions.append(f"{name} {version}")
        if _numbers(version) < _numbers(least):
            amiss.append(Fact(name, f"{version} is too old: pip install '{name}>={least}'", False))
    return [
        Fact("mapsto", f"{mapsto.__version__} in {Path(__file__).parents[1]}"),
        Fact("Python", f"{platform.python_version()} in {sys.prefix}"),
        Fact("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        Fact("libraries", ", ".join(versions) or "not known: mapsto is not installed as a package"),
        *amiss,
    ]


def devices() -> list[Fact]:
    """Where training can take place, and how fast: needs torch."""
    import torch

    from mapsto.core.devices import has_fast_bfloat16

    facts = []
    for device in present():
        words = "Metal"
        if device.type == "cpu":
            words = f"{os.cpu_count()} cores, of which torch takes at most {torch.get_num_threads()}"
        elif device.type == "cuda":
            about = torch.cuda.get_device_properties(device)
            words = f"{about.name}, {about.total_memory / 2**30:.0f} GiB"
        quick = "in hardware" if has_fast_bfloat16(device) else "emulated, and slow"
        facts.append(Fact(str(device), f"{words}; bfloat16 {quick}"))
    return facts


def present() -> list:
    """The torch devices that are here, the CPU first."""
    import torch

    found = [torch.device("cpu")]
    found += [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    return [*found, torch.device("mps")] if torch.backends.mps.is_available() else found


def room(folder: Path) -> list[Fact]:
    """Memory, the disk that `folder` is on, and where data sets are looked for: needs NumPy."""
    from mapsto.data.zoo import cache

    disk = shutil.disk_usage(folder)
    named = os.environ.get("MAPSTO_DATA")
    places = [*([("MAPSTO_DATA", Path(named).expanduser())] if named else []), ("cache", cache())]
    where = "; ".join(f"{path} ({word}{'' if path.is_dir() else ', not there'})" for word, path in places)
    return [
        Fact("memory", _memory()),
        Fact("disk", f"{disk.free / 2**30:.1f} GiB free of {disk.total / 2**30:.0f} in {folder.resolve()}"),
        Fact("data sets", where),
    ]


def _memory() -> str:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    table = Path("/proc/meminfo")  # Linux; macOS does not say what is available in so many words
    found = re.search(r"MemAvailable:\s+(\d+) kB", table.read_text()) if table.exists() else None
    return f"{int(found[1]) / 2**20:.1f} GiB free of {total:.0f}" if found else f"{total:.0f} GiB"


def _requirements() -> list[tuple[str, str, str]]:
    """(library, least version, the extra that wants it or ""), as the installed package says; [] where it is not installed."""
    try:
        lines = importlib.metadata.requires("mapsto") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    pattern = r"""([\w.-]+)>=([\d.]+)(?:.*extra == ['"](\w+)['"])?"""
    return [(m[1], m[2], m[3] or "") for line in lines if (m := re.match(pattern, line))]


def _numbers(version: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", version.split("+")[0])]
