"""Cost of guarding a coding agent's conversation, turn by turn."""
