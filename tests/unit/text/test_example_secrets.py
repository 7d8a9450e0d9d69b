"""Examples of secrets, told from real ones: tokens, passwords, private keys and JSON Web Tokens."""

import base64
import json
import random
import string
from typing import Any

import pytest

from domain.text.example_jwt import is_example_jwt
from domain.text.example_secrets import is_example_key, is_example_password, is_example_token

LETTERS = string.ascii_letters + string.digits
EXAMPLES = [
    "assay_screening_verdicts_total_by_decision",
    "assay_temporalDataConverterFactory",
    "sk-estimator-parameters-table-wrapper",
    "ghp_" + "x" * 36,
    "sk-" + "X" * 48,
    "sk-proj-" + "0" * 40,
    "xoxb-your-token-goes-here-123456789012",
    "xoxb-123456789012-1234567890123-abcdefghijklmnopqrstuvwx",
    "sk-proj-abcdefghijklmnopqrstuvwxyz123456",
    "sk-1234567890abcdef1234567890abcdef",
    "sk-a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8",
    "AIzaSyYOUR_API_KEY_HERE_xxxxxxxxxxxxxxx",
    "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sk_live_51HxYzExampleKeyDoNotUseInProd",
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh",
    "123456789:AAbbccddeeffgghhiijjkkllmmnnooppqqr",
]
FORMS = {
    "ghp_": (LETTERS, 36),
    "sk-": (LETTERS + "-_", 48),
    "glpat-": (LETTERS + "-_", 20),
    "hf_": (string.ascii_letters, 34),
    "AKIA": (string.ascii_uppercase + "234567", 16),
    "dapi": ("0123456789abcdef", 32),
    "assay_": (LETTERS + "-_", 43),
    "sk_live_": (LETTERS, 24),
    "npm_": (LETTERS, 36),
    "": (LETTERS + "/+", 40),
    "gsk_": (string.ascii_lowercase + string.digits, 32),
}


def _token(chance: random.Random, prefix: str) -> str:
    letters, length = FORMS[prefix]
    return prefix + "".join(chance.choice(letters) for _ in range(length))


@pytest.mark.parametrize("value", EXAMPLES)
def test_examples_of_tokens_and_identifiers(value: str):
    assert is_example_token(value)


@pytest.mark.parametrize("prefix", FORMS)
def test_a_random_token_is_no_example(prefix: str):
    chance = random.Random(f"tokens {prefix}")  # noqa: S311 - test data
    taken = [token for token in (_token(chance, prefix) for _ in range(1_000)) if is_example_token(token)]
    assert len(taken) <= 1, taken


@pytest.mark.parametrize("prefix", [prefix for prefix, (_, length) in FORMS.items() if length >= 24])
@pytest.mark.parametrize("dress", ["{0}EXAMPLE", "{0}-your-key-here", "{0}xxxxxxxxxxxx", "example_{0}"])
def test_a_real_token_stays_one_whatever_is_added(prefix: str, dress: str):
    """A manipulated model can write anything around a secret that it gives away."""
    chance = random.Random(f"dressed {prefix}")  # noqa: S311 - test data
    tokens = [_token(chance, prefix) for _ in range(100)]
    assert not [token for token in tokens if is_example_token(dress.format(token))]


@pytest.mark.parametrize(
    "value",
    ["password", "mypassword", "s3cret-pass", "P4ssw0rd!", "changeme", "hunter2", "your_password_here", "secret123"],
)
def test_examples_of_passwords(value: str):
    assert is_example_password(value)


@pytest.mark.parametrize(
    "value", ["k3Jd82hs", "Summer2024!", "passion-fruit-77", "Tr0ub4dor&3", "correct-horse", "secretaryOfState9"]
)
def test_a_password_is_no_example_because_it_begins_like_one(value: str):
    assert not is_example_password(value)


BODY = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
HEADER, FOOTER = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{BODY}\n{FOOTER}",
        f"{HEADER}\n{BODY}",
        f"{HEADER}\\n{BODY}\\n{FOOTER}\\n",
        f"{HEADER}\n...\n{BODY}\n{FOOTER}",
        f"{HEADER}\nEXAMPLE {BODY[:30]}\n> {BODY[30:]}\n",
        f"{HEADER} {' '.join(BODY)} {FOOTER}",
        f'key = "{HEADER}\\n" +\n  "{BODY[:32]}" +\n  "{BODY[32:]}"',
    ],
)
def test_a_key_behind_its_header_is_found(text: str):
    assert not is_example_key(text, text.index(HEADER))


@pytest.mark.parametrize(
    "text",
    [
        f"It begins with {HEADER} and ends with {FOOTER}, as RFC 7468 says.",
        f"{HEADER}\n...\n{FOOTER}",
        f"{HEADER}\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n...\n{FOOTER}",
        f"{HEADER}\n<base64-encoded key>\n{FOOTER}",
        f"{HEADER}\n{'x' * 64}\n{'x' * 64}\n{FOOTER}",
        f"{HEADER}\nYOUR_PRIVATE_KEY_HERE\n{FOOTER}",
        f"grep -r '{HEADER}' . finds keys committed by mistake. Remove them from the history as well.",
    ],
)
def test_a_header_without_a_key_is_an_example(text: str):
    assert is_example_key(text, text.index(HEADER))


def _jwt(claims: dict[str, Any], signature: str = "q7RkT2mZx9LwVb4NcY8sHd3GfJ6pQa1EuX5oKw0iWv9") -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, signature])


@pytest.mark.parametrize(
    "text",
    [
        _jwt({"sub": "1234567890", "name": "John Doe", "iat": 1516239022}),
        _jwt({"iss": "https://issuer.example.com/", "sub": "a"}),
        _jwt({"sub": "8a7f"}, "your-256-bit-signature-here"),
        _jwt({"sub": "8a7f"}, "..."),
    ],
)
def test_examples_of_signed_tokens(text: str):
    assert is_example_jwt(text, 0)


@pytest.mark.parametrize(
    "text",
    [
        _jwt({"sub": "8a7f", "iss": "https://login.kunde-gmbh.de"}),
        _jwt({"sub": "8a7f", "iss": "https://example.com.kunde-gmbh.de"}),
        _jwt({"sub": "8a7f", "name": "Erika Muster"}, ""),
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl",
    ],
)
def test_a_signed_token_with_claims_of_its_own_is_no_example(text: str):
    assert not is_example_jwt(text, 0)
