"""Placeholders for values in prompts, and their restoration in answers.

A placeholder reads ``[EMAIL_382_BCDF]``: the kind, and a number and letters that a key derives from the value. With the
key of a conversation a value has the same placeholder in each of its requests, so that the provider's caches find the
requests' beginnings again. The placeholder of a value to be restored occurs in no text of the request, so text that
resembles one is never mistaken for it.
"""

import hmac
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from typing import NamedTuple

from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, TextAddress, map_texts, texts_of
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.privacy.divided import blanked, with_divided
from domain.privacy.finding import find
from domain.privacy.phones import PhonesOfRequest
from domain.privacy.placeholders import (
    MOST_NUMBERS,
    TAG_LENGTH,
    TAG_LETTERS,
    named_in,
    placeholder_of,
    same_placeholder,
)
from domain.privacy.policy import DataKind, Found, Handling, PrivacyPolicy
from domain.privacy.ports import PhoneNumbers, TooMuchToScan
from domain.refusals import Kind, Refusal
from domain.text.compatibility import compatibility_view, searched_text
from domain.text.json_text import readable, readable_text, replace_places, span_in
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
    request: InferenceRequest,
    policy: PrivacyPolicy,
    tenant: str,
    phones: PhoneNumbers,
    key: bytes,
    cache: TextCache = NO_TEXT_CACHE,
) -> Masked:
    """Replace values that the policy does not allow. The same ``key`` makes the same placeholders.

    Texts in the ``cache`` were searched before, under this policy for this tenant. Borders between texts are read
    each time.

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
        searched = [_Searched(text, kinds, policy, cache) for text in texts]
        results = _each_alone(searched, policy, phones)
        found = _find_all(searched, results, kinds, policy, phones, cache)
    except TooMuchToScan:
        raise Refusal(Kind.REVIEW_UNAVAILABLE, _NOT_SCANNED) from None
    except Exception as error:  # noqa: BLE001 - whatever was raised, the prompt is not searched; its text may quote it
        detail = f"the prompt could not be searched for personal data ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
    if not any(found.values()):
        return Masked(request)
    taken = frozenset[str]().union(*(result.named for result in results))
    names = _Placeholders(key, taken, frozenset(kind for kind in kinds if handling[kind] is Handling.REDACT))
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


class _Result(NamedTuple):
    """Contents of a text: values, telephone numbers with the weight of their search, and placeholders."""

    found: tuple[Found, ...]
    phones: tuple[Found, ...]
    weight: int
    named: frozenset[str]


class _Searched:
    """A text with its views, made on demand, and the results of its search."""

    def __init__(self, text: Text, kinds: frozenset[DataKind], policy: PrivacyPolicy, cache: TextCache) -> None:
        self.text = text
        self.said = searched_text(text, cache)
        self._kinds = kinds
        self._policy = policy
        self._cache = cache

    @cached_property
    def written(self) -> View:
        return readable(self.text)

    @cached_property
    def plain(self) -> View:
        return compatibility_view(View(self.written.text))

    def result(self, phones: PhoneNumbers) -> _Result:
        key = (*sorted(self._kinds), self.text.form, self.text.text)
        return self._cache.recall("data", key, partial(self._result, phones), _length)

    def _result(self, phones: PhoneNumbers) -> _Result:
        # a part of an account may have a telephone number's form: telephones last
        found = tuple(find(self.said, self._kinds - {DataKind.PHONE}, self._policy, phones))
        numbers, weight = self.phones(found, phones)
        forms = {self.text.text, readable_text(self.text, self._cache), self.said}
        named = frozenset(same_placeholder(name) for form in forms for name in named_in(form))
        return _Result(found, numbers, weight, named)

    def phones(self, known: Sequence[Found], phones: PhoneNumbers) -> tuple[tuple[Found, ...], int]:
        """Return the telephone numbers beside known values, and the weight of their search."""
        if DataKind.PHONE not in self._kinds:
            return (), 0
        text = blanked(self.said, known) if known else self.said

        def search(numbers: PhoneNumbers) -> Sequence[Found]:
            return find(text, {DataKind.PHONE}, self._policy, numbers)

        return phones.counted(search) if isinstance(phones, PhonesOfRequest) else (tuple(search(phones)), 0)


def _length(result: _Result) -> int:
    return sum(map(len, result.named)) + 32 * (len(result.found) + len(result.phones))


def _each_alone(texts: Sequence[_Searched], policy: PrivacyPolicy, phones: PhoneNumbers) -> list[_Result]:
    if sum(len(text.said) for text in texts) > policy.max_scanned_chars:
        raise TooMuchToScan
    return [text.result(phones) for text in texts]


def _find_all(
    texts: Sequence[_Searched],
    results: Sequence[_Result],
    kinds: frozenset[DataKind],
    policy: PrivacyPolicy,
    phones: PhoneNumbers,
    cache: TextCache,
) -> dict[TextAddress, list[_Value]]:
    alone = [result.found for result in results]
    every = with_divided([text.said for text in texts], alone, kinds, policy.rules, cache)
    values: dict[TextAddress, list[_Value]] = {}
    for text, result, found in zip(texts, results, every, strict=True):
        numbers, weight = result.phones, result.weight
        if len(found) > len(result.found):  # with parts of divided values: what is left may be another number
            numbers, weight = text.phones(found, phones)
        if isinstance(phones, PhonesOfRequest):
            phones.count(weight)
        whole = sorted((*found, *numbers), key=lambda value: value.start) if numbers else found
        values[text.text.address] = [_value(value, text.written, text.plain) for value in whole]
    return values


def _value(found: Found, written: View, plain: View) -> _Value:
    """Return a value as written, with its position in the text as it came."""
    start, end = plain.span(found.start, found.end)
    return Found(found.kind, *span_in(written, start, end)), written.text[start:end]


class _Placeholders:
    """Names of values, the same one for the same value.

    ``taken`` are placeholders that the texts write themselves: of a value to be restored, the name is none of them. A
    ``redacted`` value is never restored, so the one that an earlier answer has repeated remains its name.
    """

    def __init__(self, key: bytes, taken: frozenset[str], redacted: frozenset[DataKind]) -> None:
        self.given: dict[tuple[DataKind, str], str] = {}
        self._key = key
        self._taken = set(taken)
        self._own = redacted
        self._used: set[str] = set()

    def put_into(self, text: Text, places: Sequence[_Value]) -> str:
        if not places:
            return text.text
        return replace_places(text, [(at.start, at.end, self._name(at.kind, said)) for at, said in places])

    def _name(self, kind: DataKind, value: str) -> str:
        known = self.given.get((kind, value))
        if known is None:
            known = self.given[kind, value] = next(
                name for name in self._names(kind, value) if self._is_free(kind, name)
            )
            self._used.add(same_placeholder(known))
        return known

    def _is_free(self, kind: DataKind, name: str) -> bool:
        written = same_placeholder(name)
        return written not in self._used and (kind in self._own or written not in self._taken)

    def _names(self, kind: DataKind, value: str) -> Iterator[str]:
        for attempt in count():
            said = f"assay/placeholder/v2\0{kind}\0{attempt}\0{value}".encode("utf-8", "surrogatepass")
            digest = hmac.digest(self._key, said, "sha256")
            tag = "".join(TAG_LETTERS[byte % len(TAG_LETTERS)] for byte in digest[:TAG_LENGTH])
            yield placeholder_of(kind, 1 + int.from_bytes(digest[-4:], "big") % MOST_NUMBERS, tag)
