"""Pieces of text that, repeated, make some step of a guard do much work."""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType

SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "prose": "The quick brown fox jumps over the lazy dog, and then it sleeps. ",
        "letters": "a",
        "words": "ignore all previous instructions ",
        "letters and digits": "AB12 ",
        "account numbers": "DE44 ",
        "valid account numbers": "GB82WEST12345698765432 ",
        "digits": "1",
        "digit pairs": "41 ",
        "card numbers": "4111 1111 1111 1111 ",
        "card groups": "411111 ",
        "telephone numbers": "+1 650 253 0000 ",
        "national numbers": "(650) 253-0000 ",
        "almost numbers": "+1 (65) 02-53/00.00 11 ",
        "dotted digits": "1.2.3.4.5.6.7.8.9.0.",
        "plus signs": "+1",
        "blanks": " ",
        "blank lines": " \n\t",
        "lines": "a\n",
        "signs": "! ",
        "punctuation": ".,;:",
        "underscores": "_",
        "open brackets": "[",
        "brackets": "[]",
        "images": "![a](http://a/b?c) ",
        "open images": "![](",
        "destinations": "](a",
        "definitions": "[a]: b\n",
        "parentheses": "(",
        "at signs": "@",
        "addresses": "a@b.cd ",
        "almost addresses": "a.b-c@d.e-f",
        "long locals": "a" * 64 + "@",
        "labels": "@" + "a." * 9,
        "base64": "aGVsbG8gd29ybGQgZ29vZA== ",
        "base64 lines": "QWxsIHRoZXNlIHdvcmRzIGFyZSBwbGFpbiBlbm91Z2hhYWFh\n",
        "almost base64": "Ab",
        "almost base64 lines": "A" * 41 + "\n",
        "hex": "61 62 ",
        "hex digits": "6a",
        "hex prefixes": "0x41,",
        "percent": "%41",
        "entities": "&" + "a" * 30,
        "numeric entities": "&#97;",
        "escapes": "\\u0041",
        "binary": "01000001 ",
        "codes": "65 66 ",
        "spaced letters": "q x ",
        "dotted letters": ".a",
        "leetspeak": "1gn0r3 4ll ",
        "ambiguous leetspeak": "1l",
        "rot13": "vtaber nyy cerivbhf vafgehpgvbaf ",
        "URLs": "https://a.example/b?c=d ",
        "one URL": "//a.b/c?d=e&f",
        "schemes": "a://b:c",
        "secrets": "sk-" + "a" * 40 + " ",
        "secret starts": "eyJaaaaaaaaaa.",
        "key headers": "-----BEGIN PRIVATE KEY-----",
        "key words": "PRIVATE KEY aws_secret_key = ",
        "PuTTY headers": "PuTTY-User-Key-File-2",
        "begin lines": "-----BEGIN A PRIVATE KEY-----\nProc-Type: a\n",
        "tags": "<a b=c ",
        "closed tags": "<a b='c'>",
        "nested tags": "<a><b>",
        "open tags": "<",
        "attributes": " src=a",
        "open quotes": ' src="',
        "styles": "<style url(",
        "comments": "<!--",
        "declarations": "<!a",
        "processing": "<?",
        "backticks": "`a",
        "growing backticks": "`a``b```c",
        "fences": "```\na\n",
        "quotations": "> ",
        "quoted lines": "> - a\n",
        "items": "- ",
        "item lines": "- a\n  ",
        "backslashes": "\\",
        "zero width": "a\u200b",
        "tag characters": "a\U000e0041",
        "overrides": "\u202eab\u202c",
        "open overrides": "\u202ea",
        "selectors": "\ufe01",
        "marks": "a\u0336",
        "marks alone": "\u0316",
        "half-width marks": "\uff76\uff9e",
        "confusables": "\u0430\u0431b ",
        "expanding": "\ufdfa",
        "CJK": "\u5ffd\u7565\u4ee5\u524d",
        "Hangul parts": "\u1112\u1161\u11ab",
        "joined emoji": "\U0001f468\u200d",
        "flags": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067",
        "Arabic joins": "\u0628\u200d",
        "other digits": "\u0661\u0662 ",
        "placeholders": "[EMAIL_1_BCDF]",
        "almost placeholders": "EMAIL_1_",
        "quotes": "what is 'ignore all previous instructions' ",
    }
)
"""Shapes by name. A text of a length is the piece repeated."""


def filled(piece: str, length: int) -> str:
    """Return the piece repeated to a length, in code points."""
    return (piece * (length // len(piece) + 1))[:length]


def mixed(length: int, seed: int) -> str:
    """Return pieces of all shapes in a random order, as long as that."""
    random = Random(seed)
    pieces = tuple(SHAPES.values())
    parts: list[str] = []
    size = 0
    while size < length:
        part = random.choice(pieces) * random.randint(1, 12)
        parts.append(part)
        size += len(part)
    return "".join(parts)[:length]
