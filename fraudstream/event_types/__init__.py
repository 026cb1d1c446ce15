"""Event types as data: one TOML file each; see card.toml."""
