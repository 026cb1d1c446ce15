"""The acceptance story: told to a running worker, and a thousand times to a model."""
