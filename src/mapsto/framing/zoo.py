"""What there is: data sets, models, objectives, algorithms, recipes; by name, with a line each, importing none of them."""

from __future__ import annotations

from mapsto.core import names

SHELVES = {
    "recipes": ["recipe"],
    "worlds": ["world"],
    "models": ["model"],
    "objectives": ["objective"],
    "algorithms": ["experience", "update", "optimizer", "schedule", "until"],
    "domains": ["domain"],
    "measures": ["measure"],
    "augmentations": ["augmentation"],
}


def zoo(what: str | None = None) -> dict[str, dict[str, str]]:
    """shelf → name → one line about it; `what` names one shelf (data, recipes, models, objectives, algorithms …)."""
    every = ["data", *SHELVES]
    if what is not None and what not in every:
        hint = names.near(what, every)
        raise names.UnknownName(
            f"no shelf '{what}' in the zoo." + (f" Near it: {', '.join(hint)}." if hint else ""),
            f"There are: {', '.join(every)}.",
        )
    found: dict[str, dict[str, str]] = {}
    if what in (None, "data"):
        from mapsto.data.read import named

        found["data"] = named()
    for shelf, kinds in SHELVES.items():
        if what in (None, shelf):
            for kind in kinds:
                label = shelf if len(kinds) == 1 else f"{shelf}: {kind}"
                found[label] = {name: names.summary(kind, name) for name in names.listed(kind)}
    return found
