"""Invisible text in an answer that another model reads or a viewer obeys."""

from collections.abc import Iterator

from domain.text.hidden_characters import Category, find_hidden

_RUNS = {Category.TAG: 3, Category.ZERO_WIDTH: 3, Category.VARIATION: 2}
_RULES = {
    Category.TAG: "hidden_tags",
    Category.ZERO_WIDTH: "hidden_zero_width",
    Category.VARIATION: "hidden_variation_selectors",
}
_OVERRIDES = "\u202d\u202e"


def hidden_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield rule and position of each longer run of hidden characters, and each direction override."""
    begun: tuple[Category, int, int] | None = None
    for character in find_hidden(text):
        if text[character.index] in _OVERRIDES:
            yield "hidden_direction", character.index, character.index + 1
        if begun and begun[0] is character.category and begun[2] == character.index:
            begun = (*begun[:2], character.index + 1)
            continue
        yield from _long_enough(begun)
        begun = (character.category, character.index, character.index + 1)
    yield from _long_enough(begun)


def _long_enough(run: tuple[Category, int, int] | None) -> Iterator[tuple[str, int, int]]:
    if run and run[2] - run[1] >= _RUNS.get(run[0], len(_OVERRIDES) + run[2]):
        yield _RULES[run[0]], run[1], run[2]
