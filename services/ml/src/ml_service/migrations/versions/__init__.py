"""Schema of the model registry."""
