"""The words that stand for a missing value in tables."""

from __future__ import annotations

MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL")
MISSING_AMONG_NUMBERS = ("-", "--", ".", "None", "none", "NONE", "na", "Na", "Null", "*")  # in text they may be meant
