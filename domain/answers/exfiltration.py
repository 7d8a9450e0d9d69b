"""Detection of exfiltration by addresses: encoded data, or parts of the conversation, in an address.

Heuristics: a person's name or one short word is not found, nor text that a model has enciphered.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote, unquote_plus

from domain.answers.conversation import Conversation
from domain.answers.encodings import decoded_texts

_REMOTE = re.compile(
    r"(?:(?:https?|ftp|wss?|file|smb):/*|//|www\.)(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<query>[^#]*)(?P<fragment>.*)"
)
_HOST_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ACTIVE = re.compile(r"(?:javascript|vbscript|livescript):|data:(?:text/html|application/xhtml|image/svg|text/xml)")
_IDLE = re.compile(r"javascript:(?:void\(?0?\)?)?;?\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}:")
_UNSEEN = re.compile("[\x00-\x20\x7f]+")
_WITHIN = re.compile(r"(?:(?:https?|ftp):/{0,2}|(?<==)//)[^\s\"'<>|/][^\s\"'<>|]{3,4000}", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}")
_NAMED = re.compile(
    r"(?:.*[^a-z])?(?:chat|conversation|cookie|data|email|exfil|history|leak|passwd|password|payload|prompt|pwd|secrets?|ssn"
    r"|stolen)(?:[^a-z].*)?"
)
_DIGITS = re.compile(r"\d{80}")
_PROSE_LOADED = re.compile(r"[^\W\d_]{2,30}\s[^\W\d_]{1,30}\s[^\W\d_]{2,30}")
_PROSE_FOLLOWED = re.compile(r"[^\W\d_]{2,30}(?:[\s,.]{1,2}[^\W\d_]{1,30}){3}")
_PLACES = re.compile(r"[/?&=#;]")
_LEAST_WORD = 4  # bytes
_MOST_READ = 4_000  # code points of an address
_LEAST_LOADED, _LEAST_FOLLOWED = 6, 16  # bytes of encoded text
_SHARED_LOADED, _SHARED_FOLLOWED = 3, 8  # words


def normalised(url: str) -> str:
    """Normalise an address as a viewer does (WHATWG URL, 4.4): no white space, slashes, lower-case scheme."""
    url = _UNSEEN.sub("", url).replace("\\", "/")
    scheme = _SCHEME.match(url)
    return scheme.group().lower() + url[scheme.end() :] if scheme else url


def is_active(url: str) -> bool:
    """Return True if a normalised address executes code instead of opening a page."""
    lower = url.lower()
    return bool(_ACTIVE.match(lower)) and not _IDLE.match(lower)


def host_of(url: str) -> str | None:
    """Return the host of a normalised address in lower case and ASCII. None if it leads to no other host.

    A name that no host has, such as one with a slash, is an empty string.
    """
    remote = _REMOTE.match(url)
    if remote is None:
        return None
    host = unicodedata.normalize("NFKC", unquote(remote["host"].rpartition("@")[2].partition(":")[0])).lower()
    with suppress(UnicodeError):
        host = host.encode("idna").decode()
    host = host.rstrip(".")
    return host if _HOST_NAME.fullmatch(host) else ""


def path_of(url: str) -> str:
    """Return the path of a normalised address with its query."""
    remote = _REMOTE.match(url)
    return f"{remote['path'] or '/'}{remote['query']}" if remote else ""


def addresses_within(url: str) -> Iterator[str]:
    """Yield normalised addresses within another, such as the target of a redirection."""
    remote = _REMOTE.match(url)
    if remote:
        rest = unquote(unquote("".join(remote.group("path", "query", "fragment"))))
        yield from (normalised(match[0]) for match in _WITHIN.finditer(rest))


def carries_data(url: str, conversation: Conversation, *, loaded: bool, certain: bool = False) -> bool:
    """Return True if a normalised address sends conversation or encoded data to another host.

    ``certain``: leave out mere signs of it, such as words of the conversation in a parameter called "data".
    """
    remote = _REMOTE.match(url)
    if remote is None or conversation.holds(url):
        return False
    pairs = [pair.partition("=") for pair in re.split(r"[&;]", remote["query"].removeprefix("?"))]
    values = [unquote_plus(value or name) for name, _, value in pairs]
    path = unquote_plus(remote["path"])
    fragment = unquote_plus(remote["fragment"])
    wholes = [*values, "".join(values), path, fragment, remote["host"]]
    if not loaded and _has_signs_of_followed(wholes, conversation):
        return True
    if loaded and not certain and _has_signs_of_loaded(pairs, values, conversation):
        return True
    if loaded and any(_EMAIL.search(value) for value in values):
        return True
    places = [
        *values,
        *path.split("/"),
        path[1:],
        *re.split(r"[.@:]", remote["host"]),
        *re.split(r"[&;=#/?]", fragment),
    ]
    least = _LEAST_LOADED if loaded else _LEAST_FOLLOWED
    prose = _PROSE_LOADED if loaded else _PROSE_FOLLOWED
    for text in (text for place in places for text in decoded_texts(place, least)):
        if (
            prose.search(text)
            or _EMAIL.search(text)
            or conversation.shared(text)
            or conversation.said(text, loaded=loaded)
        ):
            return True
    return any(conversation.said(whole, loaded=loaded) for whole in wholes)


def carried_words(url: str, conversation: Conversation) -> frozenset[str]:
    """Return longer words of the conversation in a normalised address, outside of its domain.

    They may be reversed, in ROT13, or encoded. A person's name counts like any other word.
    """
    remote = _REMOTE.match(url)
    if remote is None:
        return frozenset()
    labels = remote["host"].rpartition("@")[2].split(".")[:-2]
    text = unquote(unquote("".join(remote.group("path", "query", "fragment"))))[:_MOST_READ]
    plain = " ".join([*labels, text])
    forms = [plain, plain[::-1], codecs.encode(plain, "rot13")]
    for place in (*_PLACES.split(text), text[1:], *labels):
        forms += decoded_texts(place, _LEAST_WORD)
    return frozenset().union(*map(conversation.shared, forms))


def _has_signs_of_followed(wholes: list[str], conversation: Conversation) -> bool:
    """Return True for very many digits, or for many words of the conversation."""
    return any(_DIGITS.search(whole) or len(conversation.shared(whole)) >= _SHARED_FOLLOWED for whole in wholes)


def _has_signs_of_loaded(pairs: list[tuple[str, str, str]], values: list[str], conversation: Conversation) -> bool:
    shared = [conversation.shared(value) for value in values]
    named = any(words and _NAMED.fullmatch(name.lower()) for (name, _, _), words in zip(pairs, shared, strict=True))
    return named or len(frozenset().union(*shared)) >= _SHARED_LOADED
