"""Measurements: what each recipe reaches on real data (`results`)."""
