"""Mistakes told all at once: each is noted as a finding of level error, and one error refuses them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mapsto.core.errors import BadInput, DataError, FrameError, ShapeError, UnknownName
from mapsto.core.nouns import Finding, Level

LEVELS: tuple[Level, ...] = ("error", "warning", "repair", "note")  # worst first
CODES = {UnknownName: "F002", FrameError: "F003", ShapeError: "F004", DataError: "D100"}  # of errors that carry none


class Faults(list[Finding]):
    """What was found on the way, errors among it."""

    @contextmanager
    def noting(self) -> Iterator[None]:
        """A bad input within becomes a finding of level error, and one goes on behind it."""
        try:
            yield
        except BadInput as error:
            self.note(error)

    def note(self, error: BadInput) -> None:
        self.extend(found for found in findings_of(error) if found not in self)

    @property
    def errors(self) -> list[Finding]:
        return [found for found in self if found.level == "error"]

    def refuse(self) -> None:
        """Raise one BadInput that tells all errors, where there is one."""
        if self.errors:
            raise refusal(self)


def refusal(findings: Iterable[Finding]) -> BadInput:
    """One error for all findings of level error; it keeps the other findings too, for whoever lists them."""
    findings = tuple(dict.fromkeys(findings))
    errors = [found for found in findings if found.level == "error"]
    kind = FrameError if all(found.code.startswith("F") for found in errors) else DataError
    if len(errors) == 1:
        made = kind(str(errors[0]).removeprefix(f"{errors[0].code} "), errors[0].remedy, errors[0].code)
    else:
        told = "".join(f"\n  {found}{found.remedy and chr(10) + ' ' * 7 + found.remedy}" for found in errors)
        made = kind(f"{len(errors)} things are wrong:{told}", code=errors[0].code)
    made.findings = findings
    return made


def findings_of(error: BadInput) -> list[Finding]:
    """What an error tells, as findings."""
    if error.findings:
        return list(error.findings)
    code = error.code or next((code for kind, code in CODES.items() if isinstance(error, kind)), "D100")
    remedy = error.remedy or ("`mapsto frame … --toml` prints every setting as it can be." if code[0] == "F" else "")
    return [Finding(code, "error", error.message, remedy=remedy)]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda found: LEVELS.index(found.level))
