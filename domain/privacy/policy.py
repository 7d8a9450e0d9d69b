"""Secrets and personal data in texts: the kinds, and what an operator decides about each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.screening.verdicts import Decision

TAG_LENGTH = 4
TAG_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Of the tag at the end of a placeholder, the same in all of a request. No vowels, so that it is no word."""


class DataKind(StrEnum):
    """A kind of datum, from what does most harm to what does least: where two overlap, the first counts."""

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
    """What is done with a datum in a prompt.

    ``MASK`` puts a placeholder in its place and the datum back into the answer; ``REDACT`` does not put it back;
    ``BLOCK`` denies the request.
    """

    ALLOW = "allow"
    MASK = "mask"
    REDACT = "redact"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Found:
    """A datum in a text. ``start`` and ``end`` are code points."""

    kind: DataKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DataRule:
    """A named pattern for data of one kind; its group ``value``, if it has one, is the datum.

    ``hints``: a text without any of them is not searched. Empty for patterns that have no fixed part.
    """

    name: str
    kind: DataKind
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PrivacyPolicy:
    """How secrets and personal data in prompts are treated.

    Attributes:
        handling: for tenants that ``tenants`` does not name; every kind has one.
        tenants: for those that it names, every kind again.
        answers: what a datum of a kind in an answer leads to, if the prompt did not hold it; every kind has one.
        rules: patterns for kinds that have no detector of their own.
        phone_regions: regions (ISO 3166-1) whose numbers are found as they are written at home.
        max_scanned_chars: code points of a conversation that are read. A longer one is no pass.
    """

    handling: Mapping[DataKind, Handling]
    tenants: Mapping[str, Mapping[DataKind, Handling]]
    answers: Mapping[DataKind, Decision]
    rules: tuple[DataRule, ...]
    phone_regions: tuple[str, ...]
    max_scanned_chars: int

    def for_tenant(self, tenant: str) -> Mapping[DataKind, Handling]:
        """What holds for a tenant's prompts."""
        return self.tenants.get(tenant, self.handling)
