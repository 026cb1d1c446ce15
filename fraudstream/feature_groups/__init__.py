"""Feature groups as files: what an online store keeps of a card."""
