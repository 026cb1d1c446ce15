"""What a person who reviews an alert wants to know of the past: the entity's payments, what is unusual, and what else has the same merchant or device."""
