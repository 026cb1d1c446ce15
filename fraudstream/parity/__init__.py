"""The proof that stream equals batch: the same payments through a worker and through the batch path, bit by bit."""
