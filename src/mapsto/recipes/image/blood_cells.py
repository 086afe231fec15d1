"""Blood under the microscope: which kinds of cells are in the picture?"""

from __future__ import annotations

from mapsto.data.augment import Flip, Shift
from mapsto.framing.frame import Frame
from mapsto.framing.source import frame_data
from mapsto.recipes.where import below


def blood_cells(data_dir: str | None = None, seed: int = 0, width: int = 8, epochs: int = 60) -> Frame:
    """205 pictures of blood: red cells, white cells, platelets. Platelets are small, and in about half of them.

    data_dir: holds bccd/ with instances_train.json, instances_val.json, instances_test.json and the pictures.
    """
    made = frame_data(below(data_dir, "bccd"), seed=seed)
    made.set("data.size", [120, 160])
    made.set("model", {"name": "conv-net", "width": width, "depth": 4, "pool": "max"})
    made.set("data.augment", [Flip(vertical=0.5), Shift(8)])
    return made.set("algorithm.until.count", epochs)
