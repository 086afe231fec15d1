"""Changes that an example could have come with, one file each. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Shift="shift",
    Flip="flip",
    Crop="crop",
    Rotate="rotate",
    Cutout="cutout",
    Mixup="mixup",
)
