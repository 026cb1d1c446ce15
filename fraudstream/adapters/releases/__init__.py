"""Releases in the store of models, and what workers are told of them."""
