"""Placeholders for values on the way to a model, and values for placeholders in the answer.

A placeholder reads ``[EMAIL_1_BCDF]``: the kind, a number, and a tag that occurs in no message of the request. So text
that resembles a placeholder is never mistaken for one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from domain.inference.requests import InferenceRequest, Message
from domain.privacy.finding import find
from domain.privacy.policy import TAG_LENGTH, TAG_LETTERS, DataKind, Found, Handling, PrivacyPolicy
from domain.privacy.ports import PhoneNumbers, TooMuchToScan
from domain.refusals import Kind, Refusal

_NOT_SCANNED = "requires human review, which is not enabled: the prompt is too long to be searched for personal data"


@dataclass(frozen=True, slots=True)
class MaskedSpan:
    """A value in the message at ``message``, by positions in the sanitised text."""

    message: int
    found: Found


@dataclass(frozen=True, slots=True)
class Masked:
    """A request without the values that its model must not see.

    Attributes:
        request: with placeholders.
        values: each placeholder whose value is restored in the answer, with that value.
        masked: number of restored values by kind; repetitions count.
        redacted: number of those not restored.
        blocked: values for which the request is denied. They are replaced as well.
    """

    request: InferenceRequest
    values: tuple[tuple[str, str], ...] = ()
    masked: Mapping[str, int] | None = None
    redacted: Mapping[str, int] | None = None
    blocked: tuple[MaskedSpan, ...] = ()


def mask_request(
    request: InferenceRequest, policy: PrivacyPolicy, tenant: str, phones: PhoneNumbers, seed: str
) -> Masked:
    """Replace values that the policy does not allow. ``seed`` makes the tag: the same one, the same placeholders.

    Raises:
        Refusal: REVIEW_UNAVAILABLE if the request is longer than what is read; SCREENING_UNAVAILABLE if a detector
            can't run.
    """
    handling = policy.for_tenant(tenant)
    kinds = frozenset(kind for kind in DataKind if handling[kind] is not Handling.ALLOW)
    if sum(len(message.content) for message in request.messages) > policy.max_scanned_chars:
        raise Refusal(Kind.REVIEW_UNAVAILABLE, _NOT_SCANNED)
    try:
        found = [find(message.content, kinds, policy, phones) for message in request.messages]
    except TooMuchToScan:
        raise Refusal(Kind.REVIEW_UNAVAILABLE, _NOT_SCANNED) from None
    except Exception as error:  # noqa: BLE001 - whatever was raised, the prompt is not searched; its text may quote it
        detail = f"the prompt could not be searched for personal data ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
    if not any(found):
        return Masked(request)
    names = _Placeholders(_tag(seed, request.messages))
    messages = tuple(
        replace(message, content=names.put_into(message.content, places)) if places else message
        for message, places in zip(request.messages, found, strict=True)
    )
    counts = {wanted: Counter[str]() for wanted in Handling}
    for places in found:
        for item in places:
            counts[handling[item.kind]][item.kind.value] += 1
    return Masked(
        request=replace(request, messages=messages),
        values=tuple((name, value) for (kind, value), name in names.given.items() if handling[kind] is Handling.MASK),
        masked=dict(counts[Handling.MASK]) or None,
        redacted=dict(counts[Handling.REDACT]) or None,
        blocked=tuple(
            MaskedSpan(index, item)
            for index, places in enumerate(found)
            for item in places
            if handling[item.kind] is Handling.BLOCK
        ),
    )


class _Placeholders:
    """Names of values, the same one for the same value."""

    def __init__(self, tag: str) -> None:
        self.given: dict[tuple[DataKind, str], str] = {}
        self._tag = tag
        self._last: Counter[DataKind] = Counter()

    def put_into(self, text: str, places: Iterable[Found]) -> str:
        parts: list[str] = []
        at = 0
        for item in places:
            parts += (text[at : item.start], self._name(item.kind, text[item.start : item.end]))
            at = item.end
        return "".join([*parts, text[at:]])

    def _name(self, kind: DataKind, value: str) -> str:
        if (kind, value) not in self.given:
            self._last[kind] += 1
            self.given[kind, value] = f"[{kind.value.upper()}_{self._last[kind]}_{self._tag}]"
        return self.given[kind, value]


def _tag(seed: str, messages: tuple[Message, ...]) -> str:
    """Return a tag that occurs in no message, in any spelling."""
    texts = [message.content.upper() for message in messages]
    attempt = 0
    while True:
        digest = hashlib.sha256(f"assay/placeholder/v1\0{seed}\0{attempt}".encode()).digest()
        tag = "".join(TAG_LETTERS[byte % len(TAG_LETTERS)] for byte in digest[:TAG_LENGTH])
        if not any(tag in text for text in texts):
            return tag
        attempt += 1
