"""Optimizers, one file each: a formula on one vector of parameters. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    SGD="sgd",
    Adam="adam",
    AdamW="adamw",
)
