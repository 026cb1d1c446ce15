"""Archived decisions made again as they were made, and what would have changed them."""
