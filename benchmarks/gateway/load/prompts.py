"""The prompt of every subject."""

PROMPT = "In one sentence: what is the capital of France, and on which river does it lie?"
