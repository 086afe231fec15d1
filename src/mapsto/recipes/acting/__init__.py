"""Recipes for acting in a world."""
