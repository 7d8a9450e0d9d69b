"""API keys: their management by clients, their verification, and their last uses."""
