"""Measures, one file each. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Accuracy="accuracy",
    MacroF1="macro_f1",
    LabelF1="label_f1",
    MicroF1="micro_f1",
    ExactMatch="exact_match",
    AUROC="auroc",
    AveragePrecision="average_precision",
    LogLoss="log_loss",
    NatsPerToken="nats_per_token",
    BitsPerByte="bits_per_byte",
    WordPerplexity="word_perplexity",
    CalibrationError="calibration_error",
    R2="r2",
    RMSE="rmse",
    MAE="mae",
    BLEU="bleu",
    SacreBLEU="sacrebleu",
    TagAccuracy="tag_accuracy",
    SpanF1="span_f1",
    MaskedPerplexity="masked",
    MaskedAccuracy="masked",
    Average="average",
    FrechetDistance="frechet_distance",
)
