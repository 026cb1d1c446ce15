"""Simulated people and their payments: a world, as a history in files or as live traffic."""
