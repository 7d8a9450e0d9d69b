"""Commands of the offline screening."""
