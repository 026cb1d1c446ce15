"""Model versions: their numbers, states and history, what a manifest says, and where they are kept."""
