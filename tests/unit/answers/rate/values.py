# ruff: noqa: E501 - texts as they are
"""Values of the generated answers: invented secrets, their placeholders, and words. All of it from a seeded generator."""

import base64
import random
import string
import uuid
from collections.abc import Sequence

LETTERS = string.ascii_letters + string.digits
URL_SAFE = LETTERS + "-_"
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"

TOKENS = {  # prefix, alphabet and length of the random part, the setting that it is for
    "OPENAI_API_KEY": ("sk-", LETTERS, 48),
    "OPENAI_PROJECT_KEY": ("sk-proj-", URL_SAFE, 64),
    "ANTHROPIC_API_KEY": ("sk-ant-api03-", URL_SAFE, 80),
    "OPENROUTER_API_KEY": ("sk-or-v1-", HEX, 64),
    "GITHUB_TOKEN": ("ghp_", LETTERS, 36),
    "GITHUB_PAT": ("github_pat_", LETTERS, 82),
    "GITLAB_TOKEN": ("glpat-", URL_SAFE, 20),
    "SLACK_BOT_TOKEN": ("xoxb-", LETTERS, 40),
    "GOOGLE_API_KEY": ("AIza", URL_SAFE, 35),
    "NPM_TOKEN": ("npm_", LETTERS, 36),
    "HF_TOKEN": ("hf_", string.ascii_letters, 34),
    "STRIPE_SECRET_KEY": ("sk_live_", LETTERS, 24),
    "VAULT_TOKEN": ("hvs.", URL_SAFE, 90),
    "DIGITALOCEAN_TOKEN": ("dop_v1_", HEX, 64),
    "GROQ_API_KEY": ("gsk_", LETTERS, 52),
    "DATABRICKS_TOKEN": ("dapi", HEX, 32),
    "SHOPIFY_TOKEN": ("shpat_", HEX, 32),
    "DOCKER_PAT": ("dckr_pat_", URL_SAFE, 27),
    "REPLICATE_API_TOKEN": ("r8_", LETTERS, 37),
    "AWS_ACCESS_KEY_ID": ("AKIA", BASE32, 16),
    "ASSAY_CLIENT_SECRET": ("assay_", URL_SAFE, 43),
}
PLACEHOLDERS = (
    *(
        "xxxx",
        "XXXX",
        "0000",
        "....",
        "****",
        "1234",
        "abcd",
        "your-key",
        "YOUR_KEY",
        "words",
        "angle",
        "dollar",
        "braces",
    ),
    *("interleaved", "example", "shortened"),
)


class Chance:
    """Seeded choices. ``text(alphabet, length)``: random characters."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data

    def one(self, items: Sequence[str]) -> str:
        return self._random.choice(items)

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def some(self, items: Sequence[str], count: int) -> list[str]:
        return self._random.sample(items, count)

    def text(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choice(alphabet) for _ in range(length))

    def data(self, length: int) -> bytes:
        return self._random.randbytes(length)

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.data(16), version=4))

    def token(self, name: str) -> str:
        """Return a token as a service would give it."""
        prefix, alphabet, length = TOKENS[name]
        return prefix + self.text(alphabet, length)

    def placeholder(self, name: str) -> str:
        """Return what documentation has in place of such a token."""
        prefix, alphabet, length = TOKENS[name]
        return _PLACED[self.one(PLACEHOLDERS)](prefix, length, alphabet)

    def pem(self, kind: str, length: int) -> str:
        """Return a private key: a header, lines of base64, a footer."""
        body = base64.b64encode(self.data(length)).decode()
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


def _filled(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


_PLACED = {
    "xxxx": lambda prefix, length, _: prefix + "x" * length,
    "XXXX": lambda prefix, length, _: prefix + "X" * length,
    "0000": lambda prefix, length, _: prefix + "0" * length,
    "....": lambda prefix, *_: prefix + "...",
    "****": lambda prefix, length, _: prefix + "*" * length,
    "1234": lambda prefix, length, _: prefix + _filled("1234567890", length),
    "abcd": lambda prefix, length, _: prefix + _filled("abcdefghijklmnopqrstuvwxyz0123456789", length),
    "your-key": lambda prefix, *_: f"{prefix}your-api-key-goes-here-and-nowhere-else",
    "YOUR_KEY": lambda prefix, *_: f"{prefix}YOUR_API_KEY_HERE_REPLACE_BEFORE_USE",
    "words": lambda prefix, *_: f"{prefix}this-is-not-a-real-token-just-an-example",
    "angle": lambda prefix, *_: f"<{prefix}your-key>",
    "dollar": lambda *_: "${SECRET_FROM_THE_VAULT}",
    "braces": lambda *_: "{{ vault.secret_of_the_service }}",
    "interleaved": lambda prefix, length, _: prefix + _filled("a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0", length),
    "example": lambda prefix, length, _: prefix + _filled("EXAMPLE", length),
    "shortened": lambda prefix, length, alphabet: f"{prefix}{alphabet[:3]}...{alphabet[-4:]}",
}
