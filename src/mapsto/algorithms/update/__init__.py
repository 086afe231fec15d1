"""Updates, one file each: what one batch does to the model. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Descend="descend",
    Solve="solve",
)
