"""How far to trust what was learned, and what to see in it."""
