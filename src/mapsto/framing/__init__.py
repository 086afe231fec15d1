"""From data to the four components, each with its reason."""
