"""Whether it works: what was decided, what became of it, and what that is worth, by SQL over the archive."""
