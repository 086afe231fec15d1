"""Findings that stop training, as one error that tells of everything that was found."""

from __future__ import annotations

from mapsto.core.errors import DataError
from mapsto.core.nouns import Finding

ORDER = ("error", "warning", "repair", "note")


def refuse_errors(name: str, findings: list[Finding]) -> None:
    """DataError where one of the findings is an error: all of them, the worst first, with what to do about each error."""
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors:
        return
    lines = [
        f"    {finding.level:<8} {finding.code} {finding.message}"
        + "".join(f"\n        {example}" for example in finding.examples)
        + ("\n        …" if finding.count > len(finding.examples) > 0 else "")
        for finding in sorted(findings, key=lambda finding: ORDER.index(finding.level))
    ]
    raise DataError(
        f"{name} cannot be learned from as it is:\n" + "\n".join(lines),
        "\n".join(dict.fromkeys(finding.remedy for finding in errors if finding.remedy)),
        errors[0].code,
    )
