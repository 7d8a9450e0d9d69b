"""Kinds of secrets and personal data, and the operator's policy for each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.screening.verdicts import Decision


class ExemptForm(StrEnum):
    """Forms of values that a rule passes over.

    ``WORDS``: an identifier or a slug. ``SUBSTITUTES``: a variable, a blackened value, an example that says so, or the
    name of the value. ``DIGESTS``: hexadecimal digests of the common lengths. ``LOGIN``: the user's name as password.
    """

    WORDS = "words"
    SUBSTITUTES = "substitutes"
    DIGESTS = "digests"
    LOGIN = "login"


class DataKind(StrEnum):
    """Kinds of values, most harmful first: of two overlapping ones, the first counts."""

    PRIVATE_KEY = "private_key"
    PASSWORD = "password"  # noqa: S105 - a kind's name
    API_KEY = "api_key"
    TOKEN = "token"  # noqa: S105 - a kind's name
    CARD_NUMBER = "card_number"
    IBAN = "iban"
    EMAIL = "email"
    PHONE = "phone"
    OTHER = "other"


class Handling(StrEnum):
    """Treatment of a value in a prompt.

    ``MASK`` replaces it by a placeholder and restores it in the answer; ``REDACT`` does not restore it; ``BLOCK``
    denies the request.
    """

    ALLOW = "allow"
    MASK = "mask"
    REDACT = "redact"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Found:
    """A value in a text. ``start`` and ``end`` are code points."""

    kind: DataKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DataRule:
    """A named pattern for values of one kind. Its group ``value``, if it has one, is the value.

    Attributes:
        hints: a text without any of them is not searched. Empty for patterns without a fixed part.
        exempt: forms of values that the rule passes over. Its group ``login`` is the name beside a password.
    """

    name: str
    kind: DataKind
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()
    exempt: frozenset[ExemptForm] = frozenset()


@dataclass(frozen=True, slots=True)
class PrivacyPolicy:
    """Policy for secrets and personal data in prompts.

    Attributes:
        handling: for tenants not in ``tenants``; every kind has one.
        tenants: by tenant, every kind again.
        answers: decision for a value of a kind in an answer that the prompt did not contain; every kind has one.
        rules: patterns for kinds without a detector.
        phone_regions: regions (ISO 3166-1) whose numbers are found in national format.
        max_scanned_chars: maximum number of code points of a conversation that are read. A longer one does not pass.
    """

    handling: Mapping[DataKind, Handling]
    tenants: Mapping[str, Mapping[DataKind, Handling]]
    answers: Mapping[DataKind, Decision]
    rules: tuple[DataRule, ...]
    phone_regions: tuple[str, ...]
    max_scanned_chars: int

    def for_tenant(self, tenant: str) -> Mapping[DataKind, Handling]:
        """Return the treatments for a tenant's prompts."""
        return self.tenants.get(tenant, self.handling)
