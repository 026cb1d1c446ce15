"""Payments on their way to a worker: simulated live, replayed from history, or told as the acceptance story."""
