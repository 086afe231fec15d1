"""Objectives, one file each: losses as formulas. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    CrossEntropy="cross_entropy",
    BinaryCrossEntropy="binary_cross_entropy",
    SquaredError="squared_error",
    AbsoluteError="absolute_error",
    Huber="huber",
    Translation="translation",
    NextToken="next_token",
    Tagging="tagging",
    MaskedWords="masked_words",
    PolicyGradient="policy_gradient",
    ClippedSurrogate="clipped_surrogate",
    TemporalDifference="temporal_difference",
    Denoising="denoising",
    Variational="variational",
    Adversarial="adversarial",
    Reconstruction="reconstruction",
)
