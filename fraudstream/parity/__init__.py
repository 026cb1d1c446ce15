"""Proves that stream equals batch: sends the same payments through both, and compares them bit by bit."""
