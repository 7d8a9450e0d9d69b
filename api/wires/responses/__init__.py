"""OpenAI's responses API: the standard form of durable runs."""
