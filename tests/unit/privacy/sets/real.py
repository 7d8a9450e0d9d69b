"""Texts with values that must be masked: kinds and formats of thirty countries, in prose, code, logs, CSV, JSON, chat."""

import base64
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from domain.privacy.detection.cards import luhn
from tests.unit.privacy.sets.countries import COUNTRIES, Country, account_number, email_address, phone_number

BASE62 = string.ascii_letters + string.digits
URL_SAFE = BASE62 + "-_"
HEXADECIMAL = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Planted:
    """A text with one value in it."""

    group: str
    text: str
    value: str


def random_text(rng: Random, alphabet: str, length: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(length))


def card_number(rng: Random) -> str:
    """A valid number of a random issuer, in a grouping of cards."""
    prefix, length = rng.choice(
        (
            ("4", 16),
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("34", 15),
            ("37", 15),
            ("36", 14),
            ("6011", 16),
            ("65", 16),
            ("3530", 16),
            ("62", 16),
            ("6759", 16),
        )
    )
    stem = prefix + random_text(rng, string.digits, length - len(prefix) - 1)
    number = next(stem + last for last in string.digits if luhn(stem + last))
    sizes = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4)}[length]
    separator = rng.choice(("", "", " ", " ", "-", "\u00a0"))
    pieces, at = [], 0
    for size in sizes:
        pieces.append(number[at : at + size])
        at += size
    return separator.join(pieces)


def in_groups(account: str) -> str:
    return " ".join(account[at : at + 4] for at in range(0, len(account), 4))


SECRETS: Mapping[str, Callable[[Random], str]] = {
    "OpenAI": lambda r: "sk-proj-" + random_text(r, URL_SAFE, 74) + "T3BlbkFJ" + random_text(r, URL_SAFE, 74),
    "OpenAI, older": lambda r: "sk-" + random_text(r, BASE62, 20) + "T3BlbkFJ" + random_text(r, BASE62, 20),
    "Anthropic": lambda r: "sk-ant-api03-" + random_text(r, URL_SAFE, 93) + "AA",
    "OpenRouter": lambda r: "sk-or-v1-" + random_text(r, HEXADECIMAL, 64),
    "DeepSeek": lambda r: "sk-" + random_text(r, HEXADECIMAL, 32),
    "AWS": lambda r: r.choice(("AKIA", "ASIA")) + random_text(r, BASE32, 16),
    "AWS secret": lambda r: "aws_secret_access_key = " + random_text(r, BASE62 + "+/", 40),
    "GitHub": lambda r: r.choice(("ghp_", "gho_", "ghs_")) + random_text(r, BASE62, 36),
    "GitHub, fine-grained": lambda r: "github_pat_" + random_text(r, BASE62, 22) + "_" + random_text(r, BASE62, 59),
    "GitLab": lambda r: "glpat-" + random_text(r, URL_SAFE, 20),
    "Slack": lambda r: f"xoxb-{r.randrange(10**11, 10**12)}-{r.randrange(10**12, 10**13)}-{random_text(r, BASE62, 24)}",
    "Google": lambda r: "AIzaSy" + random_text(r, URL_SAFE, 33),
    "Stripe": lambda r: "sk_live_" + random_text(r, BASE62, 24),
    "npm": lambda r: "npm_" + random_text(r, BASE62, 36),
    "PyPI": lambda r: "pypi-AgEIcHlwaS5vcmc" + random_text(r, URL_SAFE, 120),
    "Vault": lambda r: "hvs." + random_text(r, URL_SAFE, 90),
    "OpenBao": lambda r: "s." + random_text(r, BASE62, 24),
    "Hugging Face": lambda r: "hf_" + random_text(r, string.ascii_letters, 34),
    "SendGrid": lambda r: "SG." + random_text(r, URL_SAFE, 22) + "." + random_text(r, URL_SAFE, 43),
    "DigitalOcean": lambda r: "dop_v1_" + random_text(r, HEXADECIMAL, 64),
    "Groq": lambda r: "gsk_" + random_text(r, BASE62, 52),
    "Telegram": lambda r: f"{r.randrange(10**8, 10**9)}:AA" + random_text(r, URL_SAFE, 33),
    "this gateway": lambda r: "assay_" + random_text(r, URL_SAFE, 43),
    "JSON Web Token": lambda r: (
        ".".join(
            base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
            for part in ('{"alg":"ES256","typ":"JWT"}', f'{{"sub":"{random_text(r, BASE62, 20)}","exp":1790000000}}')
        )
        + "."
        + random_text(r, URL_SAFE, 86)
    ),
}


def password(rng: Random) -> str:
    """Passwords as people and machines make them, also beginning with a word."""
    return rng.choice(
        (
            random_text(rng, BASE62, rng.randint(8, 24)),
            rng.choice(("secret", "passion", "password", "changemeNot", "pass", "xxxl", "token", "example"))
            + random_text(rng, BASE62, 8),
            rng.choice(("Summer", "Winter", "Berlin", "dragon")) + str(rng.randint(1960, 2026)) + rng.choice("!$*?"),
            rng.choice(("correct", "purple")) + rng.choice(("Horse", "-monkey-", "_Fruit")) + str(rng.randint(1, 99)),
        )
    )


def _texts(rng: Random, value: str, label: str) -> str:
    """Put a value into one of the kinds of text that people send."""
    identifier = rng.randint(100, 99_999)
    return rng.choice(
        (
            f"{value}",
            f"{label} {value}",
            f"{label}: {value}\n",
            f"Hello, please note {value}, and answer by Monday. Thanks!",
            f"({value})",
            f'{{"id": {identifier}, "note": "{value}", "ok": true}}',
            f'{{"id":{identifier},"note":"{value}"}}',
            f"{identifier},{value},paid,2026-11-30",
            f"id;note;state\n{identifier};{value};open",
            f"| {identifier} | {value} | x |",
            f"2026-11-30 15:51:{identifier % 60:02} INFO worker-{identifier % 9} note={value} took 12 ms",
            f'x = "{value}"  # for {identifier}',
            f"<td>{value}</td><td>{identifier}</td>",
            f"note: '{value}'\nsize: {identifier}",
            f"a: hi\nb: {value}\na: ok {identifier}",
            f"[15:{identifier % 60:02}] bob: {label} {value}",
            f"\u300c{value}\u300d\uff0c\u8c22\u8c22\u3002",
        )
    )


def _of_country(rng: Random, country: Country) -> Iterator[Planted]:
    for form in ("international", "E.164", "international", "national"):
        value = phone_number(rng, country, form)
        text = _texts(rng, value, country.phone) if form != "national" else f"{country.phone} {value}"
        yield Planted(f"phone, {form}", text, value)
    for _ in range(3):
        value = email_address(rng, country)
        yield Planted("email", _texts(rng, value, country.mail), value)
    for _ in range(4):
        value = card_number(rng)
        yield Planted("card", _texts(rng, value, country.card), value)
    if country.account:
        for _ in range(3):
            value = account_number(rng, country)
            value = rng.choice((value, in_groups(value)))
            yield Planted("account", _texts(rng, value, "IBAN"), value)


_WITHOUT_SPACES = (
    "\u8acb\u81f4\u96fb{0}\u8a62\u554f\u3002",
    "\u90ae\u7bb1{0}\u8bf7\u8054\u7cfb",
    "\u304a\u554f\u3044\u5408\u308f\u305b\u306f{0}\u307e\u3067\u3002",
    "\uc5f0\ub77d\ucc98\ub294{0}\uc785\ub2c8\ub2e4",
    "\u0e15\u0e34\u0e14\u0e15\u0e48\u0e2d{0}\u0e44\u0e14\u0e49\u0e40\u0e25\u0e22",
)


def generated(seed: str = "real", rounds: int = 3) -> Iterator[Planted]:
    """Yield the set, some 1,400 texts."""
    rng = Random(seed)
    for _ in range(rounds):
        for country in COUNTRIES:
            yield from _of_country(rng, country)
    for _ in range(5 * rounds):
        for name, make in SECRETS.items():
            whole = make(rng)
            value = whole.rpartition(" ")[2]
            yield Planted(f"key, {name}", _texts(rng, whole, "The key is"), value)
    for _ in range(20 * rounds):
        value = password(rng)
        scheme, user = (
            rng.choice(("postgres", "mysql", "amqp", "https", "redis")),
            rng.choice(("app", "root", "", "svc")),
        )
        address = f"{scheme}://{user}:{value}@{rng.choice(('db', 'db.example.com', '10.0.0.7:5432'))}/app"
        yield Planted("password in an address", _texts(rng, address, "URL"), value)
    for _ in range(8 * rounds):
        for frame in _WITHOUT_SPACES:
            country = rng.choice(COUNTRIES)
            value = rng.choice(
                (email_address(rng, country), card_number(rng), phone_number(rng, country, "international"))
            )
            yield Planted("in text without spaces", frame.format(value), value)
    for _ in range(5 * rounds):
        body = "\n".join(random_text(rng, BASE62 + "+/", 64) for _ in range(rng.randint(2, 24)))
        name = rng.choice(("PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY"))
        value = f"-----BEGIN {name}-----\n{body}\n-----END {name}-----"
        yield Planted("private key", rng.choice(("{0}", "key: |\n{0}\n", "Here: {0} thanks")).format(value), value)
