"""What a detector would have decided of past payments, slice of time after slice, and what that is worth."""
