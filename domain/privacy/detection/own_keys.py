"""API keys of this gateway: recognised with certainty by their checksum, whatever is written around them."""

from collections.abc import Iterator

from domain.access.api_keys import KEY_CHARS, PREFIX, key_id_of


def own_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of keys with a valid checksum. No rule, exemption or neighbouring letter hides one."""
    start = text.find(PREFIX)
    while start >= 0:
        end = start + KEY_CHARS
        if key_id_of(text[start:end]) is not None:
            yield start, end
            start = text.find(PREFIX, end)
        else:
            start = text.find(PREFIX, start + len(PREFIX))
