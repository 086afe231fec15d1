"""Recipes for worlds to act in."""
