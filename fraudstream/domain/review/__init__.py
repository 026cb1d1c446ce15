"""Cases: alerts of an entity that a person looks at, and what becomes of them."""
