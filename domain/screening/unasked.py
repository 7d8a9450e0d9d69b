"""The detector ``unasked``: orders in data that name a tool, an address or an account of their own.

A task planted in a document or a tool's output often reads like any other. The difference is that it wants something
done with what neither user nor system message named (indirect prompt injection: Greshake et al. 2023).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from domain.inference.content import Speaker, TextKind
from domain.screening.detectors import Inspection, ScreenedText
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import DetectorState, Finding, found_at
from domain.text.json_text import span_in

TOOL = "unasked_tool"
"""Rule of an order to call an unnamed tool of the request."""
TOOL_LIKE = "unasked_call"
"""Rule of an order to call something that is named as tools are."""
RECIPIENT = "unasked_recipient"
"""Rule of an order to send or pay to an unnamed address."""
SCORES = {TOOL: 0.5, TOOL_LIKE: 0.2, RECIPIENT: 0.4}
"""Scores by rule. One alone does not suffice for a review, but for a tool of the request."""

_DATA = (TextKind.DOCUMENT, TextKind.TOOL_OUTPUT)
_REACH = 160
_MOST_NAMES = 4_000  # different names of a request that are looked up
_MOST = 64  # orders of a text that are looked at; the rules read the others, too
_AT_A_START = (
    r"(?:^|[\n.!?:;,(\[\"'>*-]\s?"
    r"|\b(?:and|then|please|now|also|must|should|you\sto|kindly|first|immediately|und|et|y|e)\s)"
)
_CALL = re.compile(_AT_A_START + r"(?:call|invoke|use|run|execute|trigger|rufe|appelle|llama|usa|execute|chiama)\s")
_SEND = re.compile(
    _AT_A_START
    + r"(?:send|forward|e-?mail|mail|transfer|wire|pay|share|post|upload|export|submit|deliver|copy|invite|grant|"
    r"add|donate|remit|publish|report|cc|bcc|schick\w{0,2}|sende\w?|uberweis\w{1,2}|leite\w?|lade\w?|envoi\w{1,3}|transfer\w{1,2}|"
    r"partag\w{1,2}|envi[ae]\w{0,2}|reenvi\w{1,2}|transfier\w{1,2}|compart\w{1,3}|invi[ao]\w{0,2}|inoltr\w{1,2}|encaminh\w{1,2}|"
    r"transfir\w{1,2})\s"
)
# Names in quotes or code, options and paths are documentation: only those of the request's own tools count there.
_TOOL_LIKE = re.compile(r"(?<![\w'\"/.$<{-])[a-z]{2,20}(?:_[a-z0-9]{1,20}){1,4}\b(?!['\"=/.-]\w|['\">}])")
_RECIPIENT = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}|https?://[^\s\"'<>)]{4,200}|\b[a-z]{2}\d{2}(?:\s?[a-z0-9]{4}){2,7}(?:\s?[a-z0-9]{1,3})?\b"
    r"|\b(?:0x[0-9a-f]{20,64}|bc1[a-z0-9]{20,60})\b|\+\d[\d\s().-]{7,18}\d"
)
_SENTENCE_END = re.compile(r"[!?\n]|\.\s")
_DELEGATED = re.compile(
    r"\b(?:follow|do|execute|carry\sout|apply|perform|complete|work\sthrough|process|handle|implement)\s(?:all\s|each\sof\s|everything\s)?"
    r"(?:the|these|those|its|their|what|every|whatever)?\s?(?:\w{1,12}\s)?(?:instructions?|steps?|to-?dos?|tasks?|action\sitems?|"
    r"requests?|orders?|guide|runbook|checklist|it\ssays|is\sasked)\b"
)


class Unasked:
    """Orders in data, compared with what users and system messages of the request speak of."""

    name = "unasked"

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Find each rule at most once in a text of data. Definitions of tools are no data: they speak to the model."""
        data = [text for text in conversation if text.kind in _DATA and text.address.message is not None]
        if not data:
            return Inspection(DetectorState.NOT_APPLICABLE)
        asked = "\n".join(_view(text) for text in conversation if _is_asked(text))
        if _DELEGATED.search(asked):
            return Inspection(DetectorState.SCORED)
        tools = frozenset(_view(text) for text in conversation if _names_a_tool(text))
        named = _Named(asked, tools)
        return Inspection(DetectorState.SCORED, tuple(found for text in data for found in _found(text, named)))


def _is_asked(text: ScreenedText) -> bool:
    own = text.kind not in _DATA and text.address.message is not None
    return own and text.role in (Speaker.USER, Speaker.SYSTEM)


def _names_a_tool(text: ScreenedText) -> bool:
    field = text.address.field or ""
    return text.address.message is None and field.startswith("tools.") and field.endswith(".name")


@dataclass(frozen=True, slots=True)
class _Order:
    """An order in data.

    Attributes:
        rule: ``TOOL_LIKE``, which is ``TOOL`` for a tool of the request, or ``RECIPIENT``.
        words: its words.
        names: what it names that the user may have named as well: calls, or recipients.
        start: of its place in the text as sent, of code points.
        end: of that place.
    """

    rule: str
    words: str
    names: tuple[str, ...]
    start: int
    end: int


class _Named:
    """Names in texts of users and system messages, and the tools of the request."""

    def __init__(self, asked: str, tools: frozenset[str]) -> None:
        self._asked = asked
        self._known: dict[str, bool] = {}
        self._unnamed = tuple(tool for tool in tools if tool not in asked)

    def rule_of(self, order: _Order) -> str | None:
        """Return the rule of an order that names something unasked."""
        if order.rule == TOOL_LIKE and any(_holds(order.words, tool) for tool in self._unnamed):
            return TOOL
        return None if all(self._has(name) for name in order.names) else order.rule

    def _has(self, name: str) -> bool:
        """Look a name up, each different one once; after many, others count as not named."""
        if name not in self._known:
            self._known[name] = len(self._known) < _MOST_NAMES and name in self._asked
        return self._known[name]


def _view(text: ScreenedText) -> str:
    return text.recalled("view", lambda: text.normalised.view.text, len)


def _found(text: ScreenedText, named: _Named) -> Iterator[Finding]:
    """Yield the first order of each rule: calls, then recipients."""
    seen: set[str] = set()
    for order in text.recalled("orders", partial(_orders, text), _length):
        rule = named.rule_of(order)
        if rule is not None and rule not in seen:
            seen.add(rule)
            yield found_at(text.address, Unasked.name, rule, SCORES[rule], order.start, order.end)


def _orders(text: ScreenedText) -> tuple[_Order, ...]:
    """Return the orders of a text that may name something."""
    view = text.normalised.view
    calls = (
        (TOOL_LIKE, at, [match[0] for match in _TOOL_LIKE.finditer(view.text[slice(*at)])])
        for at in _stretches(_CALL, view.text)
    )
    sends = (
        (RECIPIENT, at, [match[0].rstrip(".,;") for match in _RECIPIENT.finditer(view.text[slice(*at)])])
        for at in _stretches(_SEND, view.text)
    )
    return tuple(
        _Order(rule, view.text[slice(*at)], tuple(names), *span_in(text.sent, *view.span(*at)))
        for rule, at, names in (*calls, *sends)
        if names or rule == TOOL_LIKE
    )


def _length(orders: tuple[_Order, ...]) -> int:
    return sum(len(order.words) + sum(map(len, order.names)) for order in orders)


def _stretches(verb: re.Pattern[str], view: str) -> Iterator[tuple[int, int]]:
    """Yield each order, from its verb to the sentence's end or the reach."""
    for number, match in enumerate(verb.finditer(view)):
        if number == _MOST:
            return
        limit = min(len(view), match.end() + _REACH)
        ended = _SENTENCE_END.search(view, match.end(), limit)
        yield match.start(), ended.start() if ended else limit


def _holds(words: str, name: str) -> bool:
    at = words.find(name)
    while at >= 0:
        around = words[at - 1 : at] + words[at + len(name) : at + len(name) + 1]
        if not any(char.isalnum() or char == "_" for char in around):
            return True
        at = words.find(name, at + 1)
    return False
