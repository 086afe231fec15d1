"""What a run is judged by: one of an objective's measures, told first."""

from __future__ import annotations

from collections.abc import Callable

from mapsto.core.errors import UnknownName
from mapsto.core.names import near
from mapsto.core.nouns import Measure


def known(objective: str, judged_by: str, measures: dict[str, Callable[[], Measure]]) -> None:
    """UnknownName where `judged_by` is none of the measures; the nearest are offered."""
    if judged_by not in measures:
        hint = near(judged_by, measures)
        raise UnknownName(
            f"{objective} is not judged by '{judged_by}'." + (f" Near it: {', '.join(hint)}." if hint else ""),
            f"There are: {', '.join(measures)}.",
        )


def first(judged_by: str, measures: dict[str, Callable[[], Measure]]) -> dict[str, Measure]:
    """New measures, the leading one before the others."""
    found = {name: measure() for name, measure in measures.items()}
    return {judged_by: found.pop(judged_by), **found}
