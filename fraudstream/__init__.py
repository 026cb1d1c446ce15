"""fraudstream decides card payments in a stream."""
