"""Detection of exfiltration by addresses: encoded data, or parts of the conversation, in an address.

Heuristics: a person's name or one short word is not found, nor text that a model has enciphered.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from urllib.parse import unquote, unquote_plus

from domain.inference.content import Speaker, TextKind
from domain.inference.texts import Text
from domain.text.json_text import readable

_REMOTE = re.compile(
    r"(?:(?:https?|ftp|wss?|file|smb):/*|//|www\.)(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<query>[^#]*)(?P<fragment>.*)"
)
_HOST_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ACTIVE = re.compile(r"(?:javascript|vbscript|livescript):|data:(?:text/html|application/xhtml|image/svg|text/xml)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}:")
_UNSEEN = re.compile("[\x00-\x20\x7f]+")
_URL = re.compile(r"(?:https?:)?//\S+|www\.\S+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}")
# The looks ahead are bounded: unbounded ones would read a long word from each of its letters to its end.
_SECRET = re.compile(r"(?=[^\d\W]{0,64}\d)(?=\d{0,64}[^\W\d])[\w$!%*+-]{8,200}")
_NOT_WORD = re.compile(r"[\W_]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,4000}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){6,2000}")
_BASE32 = re.compile(r"[A-Za-z2-7]{16,4000}")
_NAMED = re.compile(
    r"(?:.*[^a-z])?(?:chat|conversation|cookie|data|email|exfil|history|leak|passwd|password|payload|prompt|pwd|secrets?|ssn"
    r"|stolen)(?:[^a-z].*)?"
)

_HOST = re.compile(r"(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_NAMING = frozenset({TextKind.PROMPT, TextKind.SYSTEM})
_NAMERS = frozenset({Speaker.USER, Speaker.SYSTEM})
_MOSTLY = 0.8  # minimum share of letters, digits and spaces in decoded bytes that count as text
_SPOKEN_LOADED, _SPOKEN_FOLLOWED, _SPOKEN_SYSTEM = 24, 40, 16  # consecutive letters and digits
_LONG_LOADED, _LONG_FOLLOWED = 300, 600  # code points of a query
_LONG_VALUE = 80  # code points of one value in a query
_WORDS_LOADED = 5


class Conversation:
    """Text of a conversation that an address could exfiltrate."""

    def __init__(self, asked: Iterable[Text]) -> None:
        """Take the texts of the request."""
        self._asked = tuple(asked)
        self._pieces: dict[tuple[int, bool], frozenset[str]] = {}

    @cached_property
    def _texts(self) -> tuple[tuple[Speaker | None, str], ...]:
        return tuple((text.role, readable(text).text) for text in self._asked)

    def holds(self, url: str) -> bool:
        """Return True if the conversation contains the address unchanged."""
        return any(url in text for _, text in self._texts)

    def names(self, host: str) -> bool:
        """Return True if the user or the system message names the host. Documents and tools may be an attacker's."""
        return host in self._hosts or f"www.{host}" in self._hosts

    @cached_property
    def _hosts(self) -> frozenset[str]:
        trusted = (text for text in self._asked if text.kind in _NAMING and text.role in _NAMERS)
        return frozenset(host for text in trusted for host in _HOST.findall(readable(text).text.lower()))

    @cached_property
    def _said(self) -> tuple[str, str]:
        """Return letters and digits of all messages, and of system messages alone, without addresses."""
        others: list[str] = []
        system: list[str] = []
        for role, text in self._texts:
            squashed = _squash(_URL.sub(" ", text))
            (system if role is Speaker.SYSTEM else others).append(squashed)
        return "\n".join([*others, *system]), "\n".join(system)

    @cached_property
    def _secrets(self) -> frozenset[str]:
        texts = (_URL.sub(" ", text) for _, text in self._texts)
        return frozenset(secret.casefold() for text in texts for secret in _SECRET.findall(text))

    def said(self, value: str, *, loaded: bool) -> bool:
        """Return True if a value repeats much of the conversation or a likely secret."""
        squashed = _squash(value)
        if self._shares(squashed, _SPOKEN_LOADED if loaded else _SPOKEN_FOLLOWED, system=False):
            return True
        if self._shares(squashed, _SPOKEN_SYSTEM, system=True):
            return True
        return loaded and any(word.casefold() in self._secrets for word in _SECRET.findall(value))

    def _shares(self, value: str, length: int, *, system: bool) -> bool:
        """Return True if ``length`` consecutive characters occur in both.

        Pieces of the conversation are cut once: a search of it for each piece of each address would take the product
        of both lengths.
        """
        starts = range(0, min(len(value), 1_000) - length + 1, 4)
        if not starts:
            return False
        pieces = self._pieces.get((length, system))
        if pieces is None:
            said = self._said[system]
            pieces = frozenset(said[at : at + length] for at in range(len(said) - length + 1))
            self._pieces[length, system] = pieces
        return any(value[at : at + length] in pieces for at in starts)


def normalised(url: str) -> str:
    """Normalise an address as a viewer does (WHATWG URL, 4.4): no white space, slashes, lower-case scheme."""
    url = _UNSEEN.sub("", url).replace("\\", "/")
    scheme = _SCHEME.match(url)
    return scheme.group().lower() + url[scheme.end() :] if scheme else url


def is_active(url: str) -> bool:
    """Return True if a normalised address executes code instead of opening a page."""
    return bool(_ACTIVE.match(url.lower()))


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


def carries_data(url: str, conversation: Conversation, *, loaded: bool, certain: bool = False) -> bool:
    """Return True if a normalised address sends conversation or encoded data to another host.

    ``certain``: leave out mere signs of it, such as a parameter called "data".
    """
    remote = _REMOTE.match(url)
    if remote is None or conversation.holds(url):
        return False
    query = remote["query"].removeprefix("?")
    pairs = [pair.partition("=") for pair in re.split(r"[&;]", query)]
    values = [unquote_plus(value or name) for name, _, value in pairs]
    if not certain and _has_signs(pairs, values, len(query), loaded=loaded):
        return True
    if loaded and any(_EMAIL.search(value) for value in values):
        return True
    path = unquote_plus(remote["path"])
    fragment = unquote_plus(remote["fragment"])
    places = [*values, *path.split("/"), *re.split(r"[.@:]", remote["host"]), *re.split(r"[&;=#/?]", fragment)]
    if any(_is_encoded(place, loaded=loaded) for place in places):
        return True
    wholes = [*values, "".join(values), path, fragment, remote["host"]]
    return any(conversation.said(whole, loaded=loaded) for whole in wholes)


def _has_signs(pairs: list[tuple[str, str, str]], values: list[str], length: int, *, loaded: bool) -> bool:
    if not loaded:
        return length >= _LONG_FOLLOWED or any(len(value) >= _LONG_VALUE for value in values)
    named = any(_is_named(name) and len(value) > 2 for name, _, value in pairs)  # noqa: PLR2004 - more than a flag
    return named or length >= _LONG_LOADED or any(_is_text(value) for value in values)


def _is_named(name: str) -> bool:
    return bool(_NAMED.fullmatch(name.lower()))


def _is_text(value: str) -> bool:
    return len(value.split()) >= _WORDS_LOADED or "{" in value


def _is_encoded(value: str, *, loaded: bool) -> bool:
    least = 6 if loaded else 16  # bytes
    return any(len(decoded) >= least and _reads(decoded) for decoded in _decoded(value))


def _decoded(value: str) -> list[bytes]:
    found: list[bytes] = []
    stem = value.rpartition(".")[0] if re.search(r"\.[a-z]{2,4}\Z", value) else value
    for text in {value, stem}:
        if _HEX.fullmatch(text) and not text.isdecimal():
            found.append(bytes.fromhex(text))
        if _BASE64.fullmatch(text):
            plain = text.rstrip("=").replace("-", "+").replace("_", "/")
            found.append(base64.b64decode(_padded(plain[: len(plain) - (len(plain) % 4 == 1)], 4)))
        if _BASE32.fullmatch(text):
            with suppress(binascii.Error):  # not every number of letters is a whole number of bytes
                found.append(base64.b32decode(_padded(text.upper(), 8)))
    return found


def _padded(text: str, block: int) -> str:
    return text + "=" * (-len(text) % block)


def _reads(decoded: bytes) -> bool:
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if not text.isprintable() and not all(char.isprintable() or char in "\r\n\t" for char in text):
        return False
    plain = sum((char.isascii() and char.isalnum()) or char.isspace() for char in text)
    return plain >= _MOSTLY * len(text)


def _squash(text: str) -> str:
    return _NOT_WORD.sub("", text).casefold()
