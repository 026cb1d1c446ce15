"""What a model sees of a payment: every column of its frame, how each feature is computed, and what people are told of it."""
