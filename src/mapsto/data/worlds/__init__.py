"""Worlds to act in, one file each. To add one: write the file, add its line.

Their constructors share these words: `copies` side by side, `limit` of moves an episode, `valid` and `test` episodes of the exams,
which `seed` draws, and the `device`.
"""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Gymnasium="gym",
    Identity="identity",
    CartPole="cart_pole",
)
