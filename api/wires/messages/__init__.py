"""Anthropic's messages: requests, answers, token counts and streams in the form that its SDKs read."""
