"""The contestants, one file a framework, written from its own documentation. Each is imported in its own process only."""
