"""Invisible text in an answer that another model reads or a viewer obeys."""

import re
from collections.abc import Iterator

from domain.text.hidden_characters import Category, find_hidden

_RUNS = {Category.TAG: 3, Category.ZERO_WIDTH: 3, Category.VARIATION: 2}
_RULES = {
    Category.TAG: "hidden_tags",
    Category.ZERO_WIDTH: "hidden_zero_width",
    Category.VARIATION: "hidden_variation_selectors",
}
_REGIONS = (  # ISO 3166-1 alpha-2
    "adaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjblbmbnbobqbrbsbtbvbwbybzcacccdcfcgchcickclcmcncocrcucv"
    "cwcxcyczdedjdkdmdodzeceeegeheresetfifjfkfmfofrgagbgdgegfggghgiglgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidieilim"
    "inioiqirisitjejmjojpkekgkhkikmknkpkrkwkykzlalblclilklrlsltlulvlymamcmdmemfmgmhmkmlmmmnmompmqmrmsmtmumvmw"
    "mxmymznancnenfngninlnonpnrnunzompapepfpgphpkplpmpnprpsptpwpyqarerorsrurwsasbscsdsesgshsisjskslsmsnsosrss"
    "stsvsxsysztctdtftgthtjtktltmtntotrtttvtwtzuaugumusuyuzvavcvevgvivnvuwfwsyeytzazmzw"
)
_CODES = "|".join(
    "".join(chr(0xE0000 + ord(char)) for char in _REGIONS[at : at + 2]) for at in range(0, len(_REGIONS), 2)
)
_FLAG = re.compile(f"\U0001f3f4(?:{_CODES})[\U000e0030-\U000e0039\U000e0061-\U000e007a]{{1,3}}\U000e007f")
_MOST_FLAGS = 60
"""Flags of subdivisions in a text: those of all states of a country, but no room for a message in their codes."""
_OVERRIDES = "\u202d\u202e"


def hidden_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield rule and position of each longer run of hidden characters, and each direction override.

    Flags of subdivisions (UTS 51: a region's two letters and up to three characters) are no hidden text.
    """
    flags = list(_FLAG.finditer(text))
    shown = {at for flag in flags for at in range(*flag.span())} if len(flags) <= _MOST_FLAGS else set()
    begun: tuple[Category, int, int] | None = None
    for character in find_hidden(text):
        if character.index in shown:
            continue
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
