"""The codec endpoint of the Temporal UI."""
