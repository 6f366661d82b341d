"""Databases that feed the lake: where they are, how their tables are read, and how these come to the lake."""
