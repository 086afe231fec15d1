"""What can go wrong, as one tree. Every message says what was expected, what came, where, and what to do.

MapstoError
├── BadInput            the caller can mend it; the command line exits with 2
│   ├── UnknownName     a word that names nothing here; the nearest words are offered
│   ├── ShapeError      tensors or columns that do not fit each other
│   ├── DataError       a source that cannot be read, or cannot be learned from
│   ├── FrameError      four components that do not go together, or a setting that is none
│   └── Damaged         a folder whose manifest does not hold
└── FailedRun           the run itself broke; the command line exits with 3
    ├── NotFinite       a NaN or infinity turned up; it has not got into the weights
    ├── DiskError       a disk that is full, failing or closed to us; what was whole before still is
    └── Interrupted     somebody asked it to stop; it can be resumed; exits with 128 + the signal's number
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto.core.text import clean_lines

if TYPE_CHECKING:
    from mapsto.core.nouns import Finding


class MapstoError(Exception):
    """Base of all errors raised on purpose. `message` says what happened, `remedy` what to do about it.

    code: stable from version to version, for what is wrong with somebody's input (docs/codes.md lists them); "" elsewhere.
    """

    exit_code = 3

    def __init__(self, message: str, remedy: str = "", code: str = ""):
        message, remedy = clean_lines(message), clean_lines(remedy)  # they may quote data
        super().__init__(f"{message}\n{remedy}" if remedy else message)
        self.message, self.remedy, self.code = message, remedy, code


class BadInput(MapstoError, ValueError):
    """`findings`: everything found, where it refuses several mistakes at once (core/faults.py)."""

    exit_code = 2
    findings: tuple[Finding, ...] = ()


class UnknownName(BadInput):
    pass


class ShapeError(BadInput):
    pass


class DataError(BadInput):
    pass


class FrameError(BadInput):
    pass


class Damaged(BadInput):
    pass


class FailedRun(MapstoError, RuntimeError):
    exit_code = 3


class NotFinite(FailedRun):
    """step: at which it was found. examples: the rows of the training split it came with, where they can be told."""

    def __init__(self, message: str, remedy: str, step: int, examples: list[int]):
        super().__init__(message, remedy)
        self.step, self.examples = step, examples


class DiskError(FailedRun):
    """number: the operating system's own (errno.ENOSPC, say)."""

    def __init__(self, message: str, remedy: str, number: int):
        super().__init__(message, remedy)
        self.number = number


class Interrupted(FailedRun):
    """`signal` is the number of the signal that asked: 2 for Ctrl-C, 15 for a polite kill."""

    def __init__(self, message: str, remedy: str, signal: int):
        super().__init__(message, remedy)
        self.signal = signal
        self.exit_code = 128 + signal
