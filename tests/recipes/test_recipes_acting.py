"""Recipes for worlds make frames that learn."""

from __future__ import annotations

import pytest

from mapsto.core import names

pytest.importorskip("gymnasium")


@pytest.mark.parametrize("name", [n for n in names.listed("recipe") if ".acting." in names.listed("recipe")[n]])
def test_a_recipe_for_a_world_makes_a_frame_that_learns(name: str) -> None:
    frame = names.find("recipe", name)(seed=3)
    assert frame.settings["run"]["seed"] == 3
    assert frame.set("run.device", "cpu").learner().fit(2).step == 2
