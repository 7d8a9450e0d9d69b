"""Exemptions of rules: values that are words, substitutes for a secret, or digests."""

import re

from domain.privacy.policy import ExemptForm

_SEGMENTS = re.compile(r"[-_./]+")
_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[A-Z]?[a-z]+\d{0,3}\Z|[A-Z]+\Z|[a-z]{0,2}\d{1,4}\Z|\Z")
_UNSPEAKABLE = re.compile(r"(?i)[bcdfghjklmnpqrstvwxz]{6}|(.)\1{3}")
_CONSONANTS = re.compile(r"(?i)[bcdfghjklmnpqrstvwxz]{5}")
_VOWELS = re.compile(r"(?i)[aeiouy]")
_SHORTEST = 3
_COMPOUND = 25
_LEAST_VOWELS = 0.25
_MOST_VOWELS = 0.65
_VARIABLE = re.compile(
    r"\$\(?\{{0,2}[\w.:-]{1,64}\}{0,2}\)?|%\(?\w{1,64}\)?[s%]?|[#@]?\{{1,3}[^{}]{0,64}\}{1,3}|<[^<>]{1,64}>|\[[^\[\]]{1,64}\]"
    r"|\*{2,}|\.{2,}|\u2026|[xX]{3,}|[#_-]{3,}|\u2022+|process\.env\.\w{1,64}|os\.environ\S{0,64}"
)
_MARKED = re.compile(r"EXAMPLE|(?i:your[_-]|[_-]here\Z|placeholder|redacted)|X{8}|x{8}|\*{4}|\.{3}")
_PARTS = (
    r"(?:your|my|the|some|a|an|any|user|users|db|database|mysql|postgres|postgresql|mongo|redis|insert|enter|put|example|sample"
    r"|dummy|fake|demo|plain|super|very|real|actual|strong|secure|url|encoded|escaped|new|old|current|client|api|access|auth|x"
    r"|oauth|basic|login|here|goes|of|for)"
)
_NAMED = re.compile(
    rf"(?i)(?:{_PARTS}[-_.]?)*(?:password|passwords|passwd|passwort|kennwort|passphrase|pass|pwd|pw|psw|secret|token|key"
    rf"|credentials?|contrase\u00f1a|contrasena|senha|motdepasse|mdp|wachtwoord|haslo|parola)(?:[-_.]?(?:here|goes|of|for|{_PARTS}))*"
)
_GENERAL = frozenset(
    {
        "changeme",
        "changeit",
        "change_me",
        "change-me",
        "example",
        "redacted",
        "hidden",
        "masked",
        "removed",
        "mysecretpassword",
    }
)
_DIGEST = re.compile(r"[0-9a-f]+\Z|[0-9A-F]+\Z")
_DIGEST_LENGTHS = frozenset({32, 40, 56, 64, 96, 128})
_LONGEST = 96


def exempt(value: str, login: str | None, exemptions: frozenset[ExemptForm]) -> bool:
    """Return True if a rule passes over a value. ``login`` is the name beside it, if any."""
    if ExemptForm.SUBSTITUTES in exemptions and _is_substitute(value):
        return True
    if ExemptForm.LOGIN in exemptions and login and value.casefold() == login.casefold():
        return True
    if ExemptForm.DIGESTS in exemptions and len(value) in _DIGEST_LENGTHS and _DIGEST.match(value):
        return True
    return ExemptForm.WORDS in exemptions and _consists_of_words(value)


def _is_substitute(value: str) -> bool:
    if _MARKED.search(value):
        return True
    if len(value) > _LONGEST:
        return False
    return value.casefold() in _GENERAL or any(form.fullmatch(value) for form in (_VARIABLE, _NAMED))


def _consists_of_words(value: str) -> bool:
    """Return True for words and short numbers between separators or capitals.

    Most of the value must be words of at least three letters.
    """
    parts = [part for segment in _SEGMENTS.split(value) for part in _CAPITALS.split(segment)]
    words = sum(len(part) for part in parts if len(part) >= _SHORTEST)
    return 2 * words > len(value) and all(map(_is_word, parts))


def _is_word(part: str) -> bool:
    letters = part.rstrip("0123456789")
    if not _WORD.match(part) or _UNSPEAKABLE.search(letters):
        return False
    if len(letters) <= _SHORTEST:
        return True
    vowels = len(_VOWELS.findall(letters))
    if len(letters) < _COMPOUND:
        return vowels > 0 and not _CONSONANTS.search(letters)
    return _LEAST_VOWELS < vowels / len(letters) < _MOST_VOWELS
