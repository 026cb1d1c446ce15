"""Predictions over HTTP: asks workers through the log, so an answer is the decision that the topic has."""
