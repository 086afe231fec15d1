"""This process and those that learn together with it, as torchrun started them: who is who, and what passes between them.

Every process plans the same batch and takes its own part of it; all parts together are that batch. Without torchrun there
is one process: then nothing here imports torch.distributed, and every function gives back what it was given.

What passes between hosts (words, flags, a checkpoint) goes by gloo, so that no accelerator is waited for; tensors go by the
backend of their device: gloo on a CPU, NCCL on GPUs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, zip_longest
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

from mapsto.core.errors import BadInput, FailedRun, FrameError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mapsto.core.batch import Batch

T = TypeVar("T")
WAIT = timedelta(days=1)  # for a process that works alone: an exact solution, simple models, the report


@dataclass(frozen=True)
class _Joined:
    size: int
    rank: int
    host: Any  # the group of all processes for what is in the memory of the host


_joined: _Joined | None = None
_alone = 0  # how many `alone` this is within


# -- who is who --------------------------------------------------------------------------------------------------------


def started() -> int:
    """How many processes were started together; 1 without torchrun."""
    return _told("WORLD_SIZE") if "WORLD_SIZE" in os.environ else 1


def leads() -> bool:
    """Whether this is the process that writes and speaks: the first one, or the only one."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def nearby() -> int:
    """The number of this process among those on its machine: that of its accelerator."""
    return _told("LOCAL_RANK") if started() > 1 else 0


def restarts() -> int:
    """How often torchrun has started these processes anew."""
    return _told("TORCHELASTIC_RESTART_COUNT") if "TORCHELASTIC_RESTART_COUNT" in os.environ else 0


def size() -> int:
    """How many processes learn together now: 1 before `join`, and while this one is `alone`."""
    return 1 if _joined is None or _alone else _joined.size


def rank() -> int:
    """Which of them this is, from 0."""
    return 0 if _joined is None or _alone else _joined.rank


def join(device: torch.device) -> None:
    """Meet the others that torchrun started; nothing where there are none, or where they have been met.

    BadInput where it is not said where to meet, or where the device is none that processes can share.
    """
    global _joined
    if _joined is not None or _alone or started() == 1:
        return
    if _told("RANK") >= started() or "MASTER_ADDR" not in os.environ or "MASTER_PORT" not in os.environ:
        raise BadInput(
            f"WORLD_SIZE says that {started()} processes learn together and RANK that this is number {_told('RANK')}, but "
            f"where they meet came as {os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')} "
            "(MASTER_ADDR, MASTER_PORT).",
            "Let torchrun start them: torchrun --nproc-per-node 2 -m -- mapsto train … Alone: unset WORLD_SIZE",
            "F009",
        )
    if device.type not in ("cpu", "cuda"):
        raise BadInput(f"processes cannot learn together on {device.type}.", "Use --device cpu.", "F009")
    import torch
    from torch import distributed

    if device.type == "cuda":
        torch.cuda.set_device(device)
    with _among_others():
        if not distributed.is_initialized():  # a script may have met them itself
            backend = "gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl"
            distributed.init_process_group(backend, **_fresh_store())
        host = distributed.new_group(backend="gloo", timeout=WAIT)
    _joined = _Joined(distributed.get_world_size(), distributed.get_rank(), host)


def leave() -> None:
    """Part from the others, once all is done."""
    global _joined
    if _joined is not None:
        from torch import distributed

        distributed.destroy_process_group()
        _joined = None


@contextmanager
def alone() -> Iterator[None]:
    """While it lasts, this process learns by itself: simple models beside the run, the price of a step."""
    global _alone
    _alone += 1
    try:
        yield
    finally:
        _alone -= 1


# -- whose part --------------------------------------------------------------------------------------------------------


def words() -> tuple[int, ...]:
    """What a seed needs beside (seed, step), so that processes do not all draw the same: nothing where there is one."""
    return () if size() == 1 else (rank(),)


def part(index: Tensor) -> Batch:
    """This process's part of a planned batch, {"index": [b]} of [B]. Where there is no row for it, it takes the first one
    as a stand-in, which keeps it in step with the others and counts nothing."""
    if size() == 1:
        return {"index": index}
    mine = index[rank() :: size()]
    return {"index": mine} if len(mine) else {"index": index[:1], "stand_in": index.new_ones(1)}


def turns(items: Sequence[T]) -> Iterator[tuple[T, bool]]:
    """Every `size`-th of the items, from this process's rank on, each with True. Where others have one more, it ends in the
    first item with False: a model in shards answers all processes at once or none."""
    for first in range(0, len(items), size()):
        mine = first + rank()
        yield (items[mine], True) if mine < len(items) else (items[0], False)


def enough(rows: int) -> None:
    """FrameError where a batch of so many rows leaves a process without any."""
    if rows < size():
        raise FrameError(
            f"a batch of {rows} rows cannot be shared by {size()} processes: some would have nothing to do.",
            "Use fewer processes (torchrun --nproc-per-node), or a larger batch (--set algorithm.batch=…).",
            "F009",
        )


# -- what passes between them ------------------------------------------------------------------------------------------


def total(tensor: Tensor) -> Tensor:
    """The sum of everybody's tensor, in its place, and the same to the last bit for everybody."""
    if size() > 1:
        from torch import distributed

        with _among_others():
            distributed.all_reduce(tensor)
    return tensor


def spread(tensors: Sequence[Tensor]) -> None:
    """Everybody's tensors become the first process's."""
    if size() > 1:
        import torch
        from torch import distributed

        with _among_others():
            for tensor in tensors:
                dense = tensor.contiguous()  # backends take nothing else; as bytes they take every kind of number
                distributed.broadcast(dense.reshape(-1).view(torch.uint8), 0)
                tensor.copy_(dense)


def gathered(value: Any) -> list[Any]:
    """Everybody's JSON value, by rank."""
    if size() == 1:
        return [value]
    import torch

    data = json.dumps(value).encode()
    lengths = torch.zeros(size(), dtype=torch.int64)
    lengths[rank()] = len(data)
    return [json.loads(found) for found in _bytes(data, _host_total(lengths).tolist())]


def firsts(value: Any) -> Any:
    """The first process's JSON value."""
    return gathered(value if rank() == 0 else None)[0]


def copied(files: dict[str, bytes]) -> dict[str, bytes]:
    """The first process's files."""
    if size() == 1:
        return files
    sizes = firsts({name: len(data) for name, data in files.items()})
    return {name: _copied(files.get(name, b""), length) for name, length in sizes.items()}


def dealt(pieces: list[Tensor]) -> list[Tensor]:
    """All pieces in their order, of which this process has every `size`-th, from its own rank on: [n, …] each."""
    if size() == 1:
        return pieces
    import torch

    told = gathered([[list(piece.shape), str(piece.dtype).removeprefix("torch.")] for piece in pieces])
    device = pieces[0].device if pieces else torch.device("cpu")
    data = [piece.detach().cpu().contiguous().flatten().view(torch.uint8) for piece in pieces]
    mine = torch.cat(data).numpy().tobytes() if data else b""
    lengths = [sum(_length(shape, dtype) for shape, dtype in theirs) for theirs in told]
    parted = []
    for theirs, found in zip(told, _bytes(mine, lengths), strict=True):
        flat = torch.frombuffer(bytearray(found) or bytearray(1), dtype=torch.uint8)[: len(found)]
        sizes = [_length(shape, dtype) for shape, dtype in theirs]
        parted.append(
            [
                piece.clone().view(getattr(torch, dtype)).reshape(shape).to(device)
                for piece, (shape, dtype) in zip(flat.split(sizes), theirs, strict=True)
            ]
        )
    return [piece for piece in chain.from_iterable(zip_longest(*parted)) if piece is not None]


# -- helpers -----------------------------------------------------------------------------------------------------------


def _told(word: str) -> int:
    """A whole number that torchrun gives a process in its environment."""
    came = os.environ.get(word)
    if came is None or not came.isdecimal() or (word == "WORLD_SIZE" and int(came) == 0):
        raise BadInput(
            f"torchrun tells each process its {word} as a whole number, but came {came!r}.",
            "Let torchrun start them: torchrun --nproc-per-node 2 -m -- mapsto train … Alone: unset WORLD_SIZE",
            "F009",
        )
    return int(came)


def _fresh_store() -> dict[str, Any]:
    """Where processes leave their addresses, for those that torchrun has started anew on one machine: it may hand them the
    store of the dead, whose addresses still stand in it (pytorch/pytorch#135712). On several machines it is torchrun that
    has to be told, by TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1: their counts of restarts differ."""
    if not restarts() or os.environ.get("GROUP_WORLD_SIZE") != "1":
        return {}
    from torch import distributed

    store, me, many = next(distributed.rendezvous("env://"))
    return {"store": distributed.PrefixStore(f"start-{restarts()}", store), "rank": me, "world_size": many}


@contextmanager
def _among_others() -> Iterator[None]:
    """What the backend raises while it lasts means, in practice, that another process is not there."""
    try:
        yield
    except RuntimeError as error:
        raise FailedRun(
            f"another process of this run cannot be reached or has ended: {str(error).splitlines()[0]}",
            "What became of it stands above, or in torchrun's own report. `mapsto resume` goes on from the last checkpoint.",
        ) from error


def _host_total(tensor: Tensor) -> Tensor:
    from torch import distributed

    with _among_others():
        distributed.all_reduce(tensor, group=_joined.host)
    return tensor


def _bytes(data: bytes, lengths: list[int]) -> list[bytes]:
    """Everybody's bytes, of so many each."""
    import torch
    from torch import distributed

    most = max(*lengths, 1)
    mine = torch.frombuffer(bytearray(data.ljust(most, b"\0")), dtype=torch.uint8)
    theirs = [torch.empty_like(mine) for _ in lengths]
    with _among_others():
        distributed.all_gather(theirs, mine, group=_joined.host)
    return [found[:length].numpy().tobytes() for found, length in zip(theirs, lengths, strict=True)]


def _copied(data: bytes, length: int) -> bytes:
    import torch
    from torch import distributed

    if not length:
        return b""
    buffer = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(length, dtype=torch.uint8)
    with _among_others():
        distributed.broadcast(buffer, 0, group=_joined.host)
    return buffer.numpy().tobytes()


def _length(shape: list[int], dtype: str) -> int:
    import torch

    return prod(shape) * getattr(torch, dtype).itemsize
