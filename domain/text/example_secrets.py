"""Example secrets, such as documentation has in place of real ones.

A value is an example if little is left of it without placeholder words, repeated characters and sequences. Text added
to a real secret hides nothing: what is left of the secret counts. Linear in the value.
"""

import hashlib
import re
from collections.abc import Iterable
from itertools import pairwise

_MOST_LEFT = 12
"""Characters that may be left of a token: fewer than any service's random part has."""

_MOST_LEFT_OF_PASSWORD = 1
_LONG_PASSWORD = 24
_LEAST_KEY = 40  # base64 characters of the shortest private key (Ed25519, RFC 8410) beside its fixed part
_SHORT_KEY = 200  # base64 characters that a shortened key may show: of an RSA key, they are its public part
_KEY_READ = 16_000  # code points after a header: an RSA key of 16,384 bits, quoted line by line
_KEY_READ_OPEN = 1_000  # the same without a footer

_WORDS = (
    *("access", "account", "admin", "anthropic", "apikey", "auth", "azure", "bearer", "change", "client", "company"),
    *(
        "database",
        "default",
        "demo",
        "dummy",
        "enter",
        "example",
        "fake",
        "fill",
        "foobar",
        "from",
        "generated",
        "github",
    ),
    *("gitlab", "goes", "google", "here", "hidden", "insert", "invalid", "live", "long", "masked", "never", "openai"),
    *(
        "pass",
        "passphrase",
        "password",
        "passwd",
        "paste",
        "personal",
        "place",
        "placeholder",
        "private",
        "prod",
        "public",
    ),
    *("random", "real", "redacted", "removed", "replace", "sample", "secret", "service", "slack", "some", "string"),
    *(
        "stripe",
        "super",
        "test",
        "that",
        "this",
        "token",
        "user",
        "value",
        "with",
        "xoxb",
        "your",
        "passwort",
        "geheim",
    ),
    *("beispiel", "schluessel", "exemple", "ejemplo", "contrasena", "motdepasse", "senha"),
)
_SHORT = (
    *(
        "a",
        "abc",
        "actual",
        "an",
        "api",
        "app",
        "aws",
        "bar",
        "baz",
        "bot",
        "db",
        "dev",
        "do",
        "foo",
        "for",
        "gh",
        "hf",
    ),
    *("id", "in", "is", "it", "key", "me", "my", "no", "not", "npm", "of", "or", "sk", "the", "to", "use", "v"),
)
_IN_PASSWORDS = (
    *(
        "changeit",
        "strong",
        "secure",
        "very",
        "username",
        "name",
        "root",
        "guest",
        "postgres",
        "mysql",
        "maria",
        "redis",
    ),
    *(
        "mongo",
        "rabbit",
        "minio",
        "letmein",
        "hunter",
        "welcome",
        "abc",
        "xyz",
        "swordfish",
        "encoded",
        "hello",
        "world",
        "dev",
        "foo",
    ),
    *(
        "bar",
        "baz",
        "any",
        "the",
        "my",
        "db",
        "app",
        "pwd",
        "pw",
        "us",
        "me",
        "is",
        "do",
        "not",
        "use",
        "top",
        "key",
        "qwerty",
    ),
)


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))  # a longer word before those that it begins with


_PLACEHOLDER = re.compile(
    rf"(?i:{_any_of(_WORDS)}|(?<![A-Za-z])(?:{_any_of(_SHORT)})(?![A-Za-z]))"
    rf"|(?:{_any_of(word.title() for word in _SHORT if len(word) > 1)})(?![a-z])"
)
_OF_PASSWORDS = re.compile(_any_of((*_WORDS, *_IN_PASSWORDS)), re.IGNORECASE)
_MOST_DIGITS = re.compile(r"(?<!\d)(?:0?1(?:2(?:3(?:4(?:5(?:67?8?9?0?)?)?)?)?)?|0+|1+|2|42)(?!\d)")
_LEET = str.maketrans("0134578$@!", "oieastbsai")
_REPEATED = re.compile(r"([xXyYzZ0-9\W_])\1{3,}|((.)(?!\3).{1,2}?)\2{3,}", re.DOTALL)
_WORD = re.compile(
    r"[A-Z]?[a-z]{2,14}(?![a-z])|[A-Z]{2,14}(?![A-Za-z])|[a-zA-Z]?\d{1,4}(?![A-Za-z0-9])|(?<![A-Za-z0-9])[a-z]"
)
_PARTS = re.compile(r"[\W_]+")
_VOWEL = re.compile("[aeiouyAEIOUY]")
_NOT_SPOKEN = re.compile(r"[b-df-hj-np-tv-xz]{5}|(.)\1\1", re.IGNORECASE)
_LEAST_WORDS = 3
_SHORT_WORD = 3
_ABBREVIATIONS = frozenset(
    {"http", "https", "html", "grpc", "psql", "kbps", "mgmt", "ctrl", "HTTP", "HTML", "GRPC", "XHTML"}
)
_PREFIX = re.compile(r"[a-z0-9]{2,8}[_-](?:[a-z0-9]{2,5}[_-]){0,2}")

_ORDERS = ("abcdefghijklmnopqrstuvwxyza", "01234567890", "9a", "f0", "z0", "z1", "0a", "1a")
_NEXT = frozenset(f"{one}{other}" for order in _ORDERS for pair in pairwise(order) for one, other in (pair, pair[::-1]))
_STRIDES = (1, 2, 3)
_LEAST_RUN = 3  # steps

_FOOTER = "-----END"
_HEADER_LINE = re.compile(r"(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): [^\r\n]{0,200}")
_BREAK = re.compile(r"\\+[nrt]|[\s\"'`,;+>|]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+")
_FIXED = re.compile(
    r"MI[IGHJ][A-Za-z0-9+/]{1,5}IBADANBgkqhkiG9w0BAQEF|MC4CAQAwBQYDK2VwBCIE|MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"
    r"|b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ|MII[BCEJ]"
)
_SHORTENED = re.compile(r"MII[BCEJ][^.\u2026]{1,400}(?:\.{3}|\u2026)")
_SPACED = re.compile(r"(?<![A-Za-z0-9+/])([A-Za-z0-9+/]) (?=[A-Za-z0-9+/](?![A-Za-z0-9+/]))")

_CONVENTION = re.compile(r"\AA[KS]IA[A-Z0-9]{9}EXAMPLE\Z|(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{30}EXAMPLEKEY\Z")
_DOCUMENTED = frozenset(
    {
        "3543c50b0cb9cea8e55eb1f529b79f043cb250d485fde7b66cabbb5183add7da",
        "bc3ae723f57c6b9e3fd80b699fcc420f6074b0b1718039669d22631d508ac0a7",
        "0011cc25eb4320717494d2703e8cba85743e71b500283c21c8b88147992f9059",
        "ac9265e56c79b234607ec72c53753cfea9f88c99eb713790ddf9be5593bb4465",
        "a4f06cc536ba5f7603561601541ea3818c852415a58ce9f4db97ec28c0a6d47d",
        "900e6c2bf8ce6c14dbfdcbd6d7402e8fadd53c5464b0ffae66dce9ac06c0e061",
    }
)
"""SHA-256 of values that vendors' documentation shows: tokens, a map key, the account key of a storage emulator."""


def is_example_token(value: str) -> bool:
    """Return True for an evident example of a token, or an identifier of its form."""
    first, *others = value.split() or [""]
    if others and is_example_token(first) and all(map(_is_identifier, others)):
        return True  # a key, and the name of the next line's setting
    if _CONVENTION.search(value) or hashlib.sha256(value.encode(errors="replace")).hexdigest() in _DOCUMENTED:
        return True
    if _is_identifier(value):
        return True
    prefix = _PREFIX.match(value)
    count = _left(_PLACEHOLDER.sub(" ", value[prefix.end() :] if prefix else value))
    return count < _MOST_LEFT and 2 * count <= len(value)


def is_example_password(value: str) -> bool:
    """Return True for an evident example of a password, such as ``s3cret-pass``."""
    plain = _MOST_DIGITS.sub("", value)
    forms = (value, plain, value.translate(_LEET), plain.translate(_LEET))
    if any(_left(_OF_PASSWORDS.sub(" ", form)) <= _MOST_LEFT_OF_PASSWORD for form in forms):
        return True
    return len(value) >= _LONG_PASSWORD and not _is_identifier(value) and is_example_token(value)


def is_example_key(text: str, start: int) -> bool:
    """Return True if a private key's header (RFC 7468) at a position has no key."""
    begin = text.find("-----", start + 5) + 5
    end = text.find(_FOOTER, begin, begin + _KEY_READ)
    body = text[begin : end if end >= 0 else begin + _KEY_READ_OPEN]
    shortened = _SHORTENED.search(body[:_KEY_READ_OPEN]) is not None
    body = _FIXED.sub(" ", _BREAK.sub(" ", _HEADER_LINE.sub(" ", body)))
    pieces = [piece for piece in _BASE64.findall(_SPACED.sub(r"\1", body)) if not _WORD.fullmatch(piece)]
    count = _left(_PLACEHOLDER.sub(" ", " ".join(pieces)))
    return count < _LEAST_KEY or (shortened and count < _SHORT_KEY)


def _is_identifier(value: str) -> bool:
    """Return True for three or more words, divided by signs or capitals."""
    words = [match[0] for match in _WORD.finditer(value)]
    if len(words) < _LEAST_WORDS or sum(map(len, words)) != len(_PARTS.sub("", value)):
        return False
    spoken = [
        word for word in words if len(word) > _SHORT_WORD and not word[-1].isdigit() and word not in _ABBREVIATIONS
    ]
    if any(not _VOWEL.search(word) or _NOT_SPOKEN.search(word) for word in spoken):
        return False
    return 2 * sum(map(len, spoken)) >= len(value)


def _left(text: str) -> int:
    """Count letters and digits outside of repeated characters and sequences."""
    text = _REPEATED.sub(" ", text)
    folded = text.lower()
    ordered: set[int] = set()
    for stride in _STRIDES:
        begun = 0
        for at in range(len(folded) - stride + 1):
            if folded[at] + folded[at + stride : at + stride + 1] in _NEXT:
                continue
            if at - begun >= _LEAST_RUN * stride - (stride > 1):
                ordered.update(range(begun, at + stride))
            begun = at + 1
    return sum(char.isalnum() and at not in ordered for at, char in enumerate(text))
