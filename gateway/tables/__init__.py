"""Mapping files -> checked -> compiled functions; at the start only."""
