"""Estimates of token counts without the model's tokeniser, for reservations, unreported usage and context lengths.

A model's vocabulary is not at hand: those of hosted models are fetched, or not published. So a text is counted by
pieces that byte-pair vocabularies have in common, and by script (``token_densities``). Error, on texts in 50 languages
and notations: with the vocabularies of today (o200k, DeepSeek's) the count is 0.5 to 1.6 times the estimate, of ASCII
at least 0.55 times. Older ones (cl100k, Qwen's first) and small ones (SmolLM2's) need up to 4 times the estimate for
scripts that they split into bytes.
"""

import re
from collections import Counter
from typing import Final

from domain.inference.content import Content, OpaqueItem, UnreadItem
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of, texts_of_answer, unread_of, unread_of_answer
from domain.inference.token_densities import tokens_of_char
from domain.ports import NO_TEXT_CACHE, TextCache

MESSAGE_OVERHEAD = 8
"""Tokens of a chat template for one message: its markers, its role, line breaks."""

CONVERSATION_OVERHEAD = 24
"""Tokens that a template may add itself: the answer's opening, a default system message."""

ATTACHMENT_TOKENS = 2_000
"""Tokens of an attachment, whose size is not known here: above what providers count for an image of full detail."""

LEAST_SHARE_ASCII: Final = 55
LEAST_SHARE_OTHERS: Final = 50
"""Least count of tokens with the vocabularies of today, in per cent of the estimate."""

_CODED = re.compile(r"[A-Za-z0-9+/_-]{20,}=*")
_WORDS = re.compile("[A-Z]?[a-z\u00c0-\u024f\u1e00-\u1eff]+|[A-Z]+")
_CAPITALS = re.compile("[A-Z]{3,}")
_DIGITS = re.compile("[0-9]+")
_BREAKS = re.compile("[\t-\r]+")
_WIDE_SPACES = re.compile("  +")
_SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

# All costs are hundredths of a token.
_PIECE = 100
_SHORT_WORD = 5  # letters of a word that is one token
_LONG_WORD = 20  # letters of the longest that is one of a language
_LETTER = 25  # each further letter of a word
_STRANGE_LETTER = 55  # each letter of a longer one
_CAPITAL_WORD = 70  # in addition
_NUMBER, _DIGIT = 30, 50
_SIGN = 70
_ALIKE = 4  # signs in a row that are one token, and so are up to 16
_MOST_ALIKE = 16
_CODED_CHAR = 80  # each character of base64
_CODED_RUN = 20  # characters of the shortest that is taken for base64
_CODED_LETTERS = 4  # mean length of a run of letters of one case below which a text is base64


def estimate_text_tokens(text: str) -> int:
    """Estimate the tokens of a text. Linear in it, and never raises, also on unpaired surrogates."""
    return -(-sum(_costs(text)) // _PIECE)


def _costs(text: str) -> tuple[int, int]:
    """Return the cost of the text's ASCII characters, and that of the others."""
    cost = 0
    if any(len(run) >= _CODED_RUN for run in text.split()):
        coded = [run for run in _CODED.findall(text) if _is_coded(run)]
        if coded:
            cost = _CODED_CHAR * sum(map(len, coded))
            text = _CODED.sub(lambda run: "" if _is_coded(run[0]) else run[0], text)
    lengths = Counter(map(len, _WORDS.findall(text)))
    cost += sum(count * _of_word(length) for length, count in lengths.items())
    cost += _CAPITAL_WORD * len(_CAPITALS.findall(text))
    numbers, breaks = _DIGITS.findall(text), _BREAKS.findall(text)
    digits = sum(map(len, numbers))
    cost += _NUMBER * len(numbers) + _DIGIT * digits
    cost += _PIECE * (len(breaks) + len(_WIDE_SPACES.findall(text)))
    cost -= sum(_SIGN * _alike(text, sign) for sign in _SIGNS)
    if text.isascii():  # what is left are signs, which need no count of their own
        known = sum(length * count for length, count in lengths.items()) + digits + sum(map(len, breaks))
        return cost + _SIGN * (len(text) - known - text.count(" ")), 0
    counts = Counter(text)
    others = sum(
        tokens_of_char(char) * (count if char.isalnum() else count - _alike(text, char))
        for char, count in counts.items()
        if char > "\x7f"
    )
    return cost + _SIGN * sum(counts[sign] for sign in _SIGNS), others


def _kept(text: str, cache: TextCache) -> tuple[int, int]:
    return cache.recall("tokens", (text,), lambda: _costs(text))


def _is_coded(run: str) -> bool:
    """Return True for a run that looks like base64, not like identifiers in mixed case."""
    mixed = not (run.islower() or run.isupper()) and any(map(str.isdigit, run))
    return mixed and len(_WORDS.findall(run)) * _CODED_LETTERS >= len(run)


def _of_word(length: int) -> int:
    return _STRANGE_LETTER * length if length > _LONG_WORD else _PIECE + _LETTER * max(0, length - _SHORT_WORD)


def _alike(text: str, sign: str) -> int:
    """Return the number of a sign's repetitions in rows of it, which are few tokens."""
    if sign * _ALIKE not in text:
        return 0
    rows = map(len, re.findall(f"{re.escape(sign)}{{{_ALIKE},}}", text))
    return sum(length - -(-length // _MOST_ALIKE) for length in rows)


def estimate_tokens(request: InferenceRequest, cache: TextCache = NO_TEXT_CACHE) -> int:
    """Estimate the tokens of a request with a model's template: its messages, tools and formats."""
    texts = texts_of(request)
    template = CONVERSATION_OVERHEAD + MESSAGE_OVERHEAD * (len(request.messages) + len(request.tools))
    # a part has a frame of its own; the fields of a call or a tool are apart from each other
    framed = MESSAGE_OVERHEAD * sum(text.address.part is not None for text in texts)
    unread = sum(_unread_tokens(item) for _, item in unread_of(request))
    return template + framed + unread + sum(-(-sum(_kept(text.text, cache)) // _PIECE) for text in texts)


def least_tokens(request: InferenceRequest, cache: TextCache = NO_TEXT_CACHE) -> int:
    """Return the least tokens of a request by the estimate's error, without attachments."""
    costs = [_kept(text.text, cache) for text in texts_of(request)]
    ascii_share = LEAST_SHARE_ASCII * sum(cost for cost, _ in costs)
    return (ascii_share + LEAST_SHARE_OTHERS * sum(others for _, others in costs)) // (100 * _PIECE)


def estimate_answer_tokens(content: Content) -> int:
    """Estimate the tokens of an answer's content."""
    unread = sum(_unread_tokens(item) for _, item in unread_of_answer(content))
    return unread + sum(estimate_text_tokens(text.text) for text in texts_of_answer(content))


def _unread_tokens(item: UnreadItem) -> int:
    return estimate_text_tokens(item.data) if isinstance(item, OpaqueItem) else ATTACHMENT_TOKENS
