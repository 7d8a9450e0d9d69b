"""Readers of a body's fields: values, parts of messages, tools, messages."""
