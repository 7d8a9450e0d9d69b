"""What every subject is asked, over and over."""

PROMPT = "In one sentence: what is the capital of France, and on which river does it lie?"
