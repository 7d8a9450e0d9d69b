"""Carriers of text in requests and answers, and reports of their verdicts."""
