"""Recipes for graphs."""
