"""The ruleset that people edit, in the store of models."""
