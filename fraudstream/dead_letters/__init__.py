"""Dead letters for people: why, of whom, how many, and sending their records again once."""
