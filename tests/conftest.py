"""Stands here so that tests can import `toys`, what they share: pytest puts the folder of a conftest on the path."""
