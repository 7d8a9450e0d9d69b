"""Placeholders for values in prompts, and their restoration in answers.

A placeholder reads ``[EMAIL_1_BCDF]``: the kind, a number, and a tag that occurs in no message of the request. So text
that resembles a placeholder is never mistaken for one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, TextAddress, map_texts, texts_of
from domain.privacy.divided import blanked, with_divided
from domain.privacy.finding import find
from domain.privacy.placeholders import TAG_LENGTH, TAG_LETTERS, placeholder_of
from domain.privacy.policy import DataKind, Found, Handling, PrivacyPolicy
from domain.privacy.ports import PhoneNumbers, TooMuchToScan
from domain.refusals import Kind, Refusal
from domain.text.compatibility import compatibility_view
from domain.text.json_text import readable, replace_places, span_in
from domain.text.view import View

_NOT_SCANNED = "requires human review, which is not enabled: the prompt is too long to be searched for personal data"


@dataclass(frozen=True, slots=True)
class MaskedSpan:
    """A value in the text at ``address``, by positions in the sanitised text."""

    address: TextAddress
    found: Found


@dataclass(frozen=True, slots=True)
class Masked:
    """A request without the values that its model must not see.

    Attributes:
        request: with placeholders.
        values: each placeholder whose value is restored in the answer, with that value.
        masked: number of restored values by kind; repetitions count.
        redacted: number of those not restored.
        blocked: values for which the request is denied: by the policy, or because their text is fixed, such as an
            identifier. They are replaced as well, for the record.
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
    texts = texts_of(request)
    if sum(len(text.text) for text in texts) > policy.max_scanned_chars:
        raise Refusal(Kind.REVIEW_UNAVAILABLE, _NOT_SCANNED)
    try:
        found = _find_all(texts, kinds, policy, phones)
    except TooMuchToScan:
        raise Refusal(Kind.REVIEW_UNAVAILABLE, _NOT_SCANNED) from None
    except Exception as error:  # noqa: BLE001 - whatever was raised, the prompt is not searched; its text may quote it
        detail = f"the prompt could not be searched for personal data ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
    if not any(found.values()):
        return Masked(request)
    names = _Placeholders(_tag(seed, texts))
    spoiled: set[TextAddress] = set()
    changed = map_texts(request, lambda text: names.put_into(text, found[text.address]), spoiled)
    counts = {wanted: Counter[str]() for wanted in Handling}
    spans = [MaskedSpan(address, place) for address, places in found.items() for place, _ in places]
    for span in spans:
        counts[handling[span.found.kind]][span.found.kind.value] += 1
    return Masked(
        request=changed,
        values=tuple((name, value) for (kind, value), name in names.given.items() if handling[kind] is Handling.MASK),
        masked=dict(counts[Handling.MASK]) or None,
        redacted=dict(counts[Handling.REDACT]) or None,
        blocked=tuple(span for span in spans if handling[span.found.kind] is Handling.BLOCK or span.address in spoiled),
    )


_Value = tuple[Found, str]  # its place in the text as it came, and what it says without escapes


def _find_all(
    texts: Sequence[Text], kinds: frozenset[DataKind], policy: PrivacyPolicy, phones: PhoneNumbers
) -> dict[TextAddress, list[_Value]]:
    views = [readable(text) for text in texts]
    plain = [compatibility_view(View(view.text)) for view in views]
    said = [view.text for view in plain]
    if sum(map(len, said)) > policy.max_scanned_chars:
        raise TooMuchToScan
    # a part of an account may have a telephone number's form: telephones last
    others = kinds - {DataKind.PHONE}
    found = with_divided(said, [find(text, others, policy, phones) for text in said], kinds, policy.rules)
    if DataKind.PHONE in kinds:
        for text, known in zip(said, found, strict=True):
            known.extend(find(blanked(text, known), {DataKind.PHONE}, policy, phones))
            known.sort(key=lambda value: value.start)
    return {
        text.address: [_value(datum, *around) for datum in values]
        for text, values, *around in zip(texts, found, views, plain, strict=True)
    }


def _value(datum: Found, written: View, plain: View) -> _Value:
    """Return a value as written, with its position in the text as it came."""
    start, end = plain.span(datum.start, datum.end)
    return Found(datum.kind, *span_in(written, start, end)), written.text[start:end]


class _Placeholders:
    """Names of values, the same one for the same value."""

    def __init__(self, tag: str) -> None:
        self.given: dict[tuple[DataKind, str], str] = {}
        self._tag = tag
        self._last: Counter[DataKind] = Counter()

    def put_into(self, text: Text, places: Iterable[_Value]) -> str:
        return replace_places(text, [(at.start, at.end, self._name(at.kind, said)) for at, said in places])

    def _name(self, kind: DataKind, value: str) -> str:
        if (kind, value) not in self.given:
            self._last[kind] += 1
            self.given[kind, value] = placeholder_of(kind, self._last[kind], self._tag)
        return self.given[kind, value]


def _tag(seed: str, texts: tuple[Text, ...]) -> str:
    """Return a tag that occurs in no text, in any spelling."""
    views = [(text.text, readable(text)) for text in texts]
    written = [form.upper() for text, view in views for form in (text, view.text, compatibility_view(view).text)]
    attempt = 0
    while True:
        digest = hashlib.sha256(f"assay/placeholder/v1\0{seed}\0{attempt}".encode()).digest()
        tag = "".join(TAG_LETTERS[byte % len(TAG_LETTERS)] for byte in digest[:TAG_LENGTH])
        if not any(tag in form for form in written):
            return tag
        attempt += 1
