"""Text of a conversation that an address in an answer could exfiltrate."""

import re
from collections.abc import Iterable
from functools import cached_property, partial

from domain.inference.content import Speaker, TextKind
from domain.inference.texts import Text
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.text.json_text import readable_text

_URL = re.compile(r"(?:https?:)?//\S+|www\.\S+", re.IGNORECASE)
# The looks ahead are bounded: unbounded ones would read a long word from each of its letters to its end.
_SECRET = re.compile(r"(?=[^\d\W]{0,64}\d)(?=\d{0,64}[^\W\d])[\w$!%*+-]{8,200}")
_NOT_WORD = re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W\d_]{4,64}|(?<!\d)\d{4,64}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_HOST = re.compile(r"(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_NAMING = frozenset({TextKind.PROMPT, TextKind.SYSTEM})
_NAMERS = frozenset({Speaker.USER, Speaker.SYSTEM})
_SPOKEN_LOADED, _SPOKEN_FOLLOWED, _SPOKEN_PROMPT, _SPOKEN_SYSTEM = 24, 40, 60, 16  # consecutive letters and digits
_COMMON = frozenset(
    (
        *("about", "after", "also", "another", "answer", "anything", "article", "available", "because", "been"),
        *("before", "being", "between", "blog", "both", "build", "check", "code", "come", "content", "could"),
        *("data", "default", "detail", "details", "docs", "does", "doing", "done", "download", "each", "else"),
        *("english", "even", "every", "example", "examples", "explain", "fetch", "file", "files", "find"),
        *("first", "following", "from", "further", "general", "give", "guide", "have", "hello", "help", "here"),
        *("home", "host", "html", "http", "https", "image", "images", "index", "info", "information", "into"),
        *("introduction", "issue", "issues", "item", "items", "just", "keep", "know", "language", "latest"),
        *("like", "link", "links", "list", "look", "main", "make", "many", "more", "most", "much", "must"),
        *("name", "need", "never", "news", "next", "number", "online", "only", "open", "option", "options"),
        *("order", "other", "over", "overview", "page", "pages", "part", "parts", "photo", "picture", "please"),
        *("point", "post", "project", "question", "questions", "read", "reference", "release", "releases"),
        *("right", "same", "search", "section", "server", "service", "share", "should", "show", "simple", "site"),
        *("some", "start", "step", "steps", "still", "story", "such", "support", "sure", "take", "tell", "test"),
        *("text", "thank", "thanks", "that", "their", "them", "then", "there", "these", "they", "thing"),
        *("things", "this", "those", "through", "time", "title", "tool", "tools", "topic", "tutorial", "type"),
        *("under", "update", "upon", "used", "user", "users", "using", "value", "values", "version", "very"),
        *("view", "want", "were", "what", "when", "where", "which", "while", "will", "with", "within", "without"),
        *("word", "words", "work", "works", "would", "write", "your"),
    )
)
"""Words that links contain whatever a conversation is about."""


class Conversation:
    """Texts of a request, as far as addresses are compared with them."""

    def __init__(self, asked: Iterable[Text], cache: TextCache = NO_TEXT_CACHE) -> None:
        """Take the texts of the request, and results for them from earlier requests."""
        self._asked = tuple(asked)
        self._cache = cache
        self._pieces: dict[tuple[int, int], frozenset[str]] = {}

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(readable_text(text, self._cache) for text in self._asked)

    def holds(self, url: str) -> bool:
        """Return True if the conversation contains the address unchanged."""
        return any(url in text for text in self._texts)

    def names(self, host: str, *, alone: bool = False) -> bool:
        """Return True if the user or the system message names the host. Documents and tools may be an attacker's.

        ``alone``: not as a part of an address only.
        """
        hosts = self._hosts[alone]
        return host in hosts or f"www.{host}" in hosts

    @cached_property
    def _hosts(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the hosts that are named, and those named outside of addresses."""
        trusted = [
            text.lower()
            for text, asked in zip(self._texts, self._asked, strict=True)
            if asked.kind in _NAMING and asked.role in _NAMERS
        ]
        return (
            frozenset(host for text in trusted for host in _HOST.findall(text)),
            frozenset(host for text in trusted for host in _HOST.findall(_URL.sub(" ", text))),
        )

    @cached_property
    def _said(self) -> tuple[str, str, str]:
        """Return letters and digits of the user's prompts, system messages, and others, without addresses."""
        kinds: tuple[list[str], list[str], list[str]] = ([], [], [])
        for text, asked in zip(self._texts, self._asked, strict=True):
            prompt = asked.role is Speaker.USER and asked.kind is TextKind.PROMPT
            kind = 0 if prompt else 1 if asked.role is Speaker.SYSTEM else 2
            kinds[kind].append(self._cache.recall("squashed", (text,), partial(_squashed_without_urls, text), len))
        prompts, system, others = ("\n".join(each) for each in kinds)
        return prompts, system, others

    @cached_property
    def words(self) -> frozenset[str]:
        """Longer words and numbers of all texts, without addresses, common words and years."""
        return frozenset[str]().union(
            *(
                self._cache.recall("link words", (text,), partial(_words_without_urls, text), _held)
                for text in self._texts
            )
        )

    def shared(self, value: str) -> frozenset[str]:
        """Return the longer words of a value that the conversation has as well."""
        return self.words.intersection(_words(value)) if self.words else frozenset()

    @cached_property
    def _secrets(self) -> frozenset[str]:
        return frozenset[str]().union(
            *(
                self._cache.recall("likely secrets", (text,), partial(_likely_secrets, text), _held)
                for text in self._texts
            )
        )

    def said(self, value: str, *, loaded: bool) -> bool:
        """Return True if a value repeats much of the conversation or a likely secret.

        The title that a user asks for may be in a link's address: prompts count from a greater length on.
        """
        value_squashed = squashed(value)
        lengths = (
            (_SPOKEN_LOADED, _SPOKEN_SYSTEM, _SPOKEN_LOADED)
            if loaded
            else (_SPOKEN_PROMPT, _SPOKEN_SYSTEM, _SPOKEN_FOLLOWED)
        )
        if any(self._shares(value_squashed, length, kind) for kind, length in enumerate(lengths)):
            return True
        return loaded and any(word.casefold() in self._secrets for word in _SECRET.findall(value))

    def _shares(self, value: str, length: int, kind: int) -> bool:
        """Return True if ``length`` consecutive characters occur in both.

        Pieces of the conversation are cut once: a search of it for each piece of each address would take the product
        of both lengths.
        """
        starts = range(0, min(len(value), 1_000) - length + 1, 4)
        if not starts:
            return False
        pieces = self._pieces.get((length, kind))
        if pieces is None:
            said = self._said[kind]
            pieces = frozenset(said[at : at + length] for at in range(len(said) - length + 1))
            self._pieces[length, kind] = pieces
        return any(value[at : at + length] in pieces for at in starts)


def _squashed_without_urls(text: str) -> str:
    return squashed(_URL.sub(" ", text))


def _words_without_urls(text: str) -> frozenset[str]:
    return _words(_URL.sub(" ", text))


def _likely_secrets(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _SECRET.findall(_URL.sub(" ", text)))


def _held(words: frozenset[str]) -> int:
    """Return the characters that a set of words takes the memory of: each word is an object."""
    return sum(map(len, words)) + 16 * len(words)


def squashed(text: str) -> str:
    """Return the letters and digits of a text, case-folded."""
    return _NOT_WORD.sub("", text).casefold()


def _words(text: str) -> frozenset[str]:
    found = {word.casefold() for word in _WORD.findall(text) if not _YEAR.fullmatch(word)}
    return frozenset(found - _COMMON)
