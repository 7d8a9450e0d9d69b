"""OpenAI's chat completions: requests, answers and events."""
