"""Where the numbers are: the device, its threads, and the heap of this process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
from pathlib import Path
from typing import Any

import torch

from mapsto.core import world
from mapsto.core.errors import BadInput
from mapsto.core.text import clean


def pick(name: str = "auto") -> torch.device:
    """ "auto" takes an accelerator where there is one. Of several processes each
    takes its own. A device that is not here is refused with what is."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and world.started() > 1:
        name = f"cuda:{world.nearby()}"
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda", "mps"):
            raise RuntimeError(f"{device.type} holds no numbers")  # meta, say
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(
            f"no device '{clean(name, 40)}' here ({str(error).splitlines()[0]}).", "Use --device cpu, or auto.", "F003"
        ) from error
    return device


def keep_heap() -> None:
    """Keep memory that a step frees for the next step, instead of handing it back to the kernel in between.

    glibc only; measured at 1.4–1.7 × for convolutions on a CPU, where an epoch otherwise makes millions of page faults.
    """
    if platform.system() != "Linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        trim_threshold, top_pad, mmap_max = -1, -2, -4
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, min(64 << 20, room() // 16))  # growing by more than is left would fail, every time anew
        libc.mallopt(mmap_max, 0)


def memory() -> int:
    """Bytes that this process may hold: the machine's, or its container's where that is less."""
    here = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        here = min(here, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return here


def room() -> int:
    """Bytes that this process may still take: what is free of `memory`, or of a limit on its data (RLIMIT_DATA, RLIMIT_AS)."""
    here, status = memory(), Path("/proc/self/status")
    if not status.exists():  # not Linux
        return here
    held = dict(line.split(":", 1) for line in status.read_text().splitlines())
    left = here - int(held["VmRSS"].split()[0]) * 1024
    for limit, taken in ((resource.RLIMIT_DATA, "VmData"), (resource.RLIMIT_AS, "VmSize")):
        soft = resource.getrlimit(limit)[0]
        if soft != resource.RLIM_INFINITY:
            left = min(left, soft - int(held[taken].split()[0]) * 1024)
    return max(left, 0)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products have units of their own here: AMX or AVX-512 on a CPU, tensor cores since Ampere.

    Measured on a training step of ResNet-20, one thread: 1.6 × on AVX-512, about 3 × on AMX.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    return device.type == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def is_out_of_memory(error: Exception) -> bool:
    """Whether an allocation failed. A CPU's says so only in words."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def environment(device: torch.device) -> dict[str, Any]:
    """The fingerprint under which a run is bit for bit the same."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }
