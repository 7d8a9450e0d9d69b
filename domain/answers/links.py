"""Judgement of the addresses in an answer: data that they carry, and hosts that the conversation does not name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from domain.answers.addresses import find_addresses
from domain.answers.conversation import Conversation
from domain.answers.disarming import LINK_SHOWN_AS_TEXT, SHOWN_AS_TEXT
from domain.answers.exfiltration import addresses_within, carried_words, carries_data, host_of, is_active, normalised
from domain.answers.html_addresses import Address
from domain.answers.policy import LinkPolicy, LinkWords, UnknownHosts
from domain.screening.verdicts import NOT_SCANNED, Decision

LinkFinding = tuple[Decision, str, int, int]
"""Decision, rule, and position in the text."""

_MOST_SHOWN = 100  # findings of addresses shown as text
_MOST_ADDRESSES = 500
"""Maximum number of different addresses of an answer that are compared with the conversation."""
_LEAST_WORDS = 2
"""Words of the conversation in the links to one host. One alone is often the topic."""


class LinkScreen:
    """Screening of all addresses of an answer. Each address is judged once, however many texts contain it."""

    def __init__(self, conversation: Conversation, policy: LinkPolicy) -> None:
        self._conversation = conversation
        self._policy = policy
        self._judged: dict[tuple[str, bool, bool], bool] = {}  # True for content or a link of an unknown host
        self._words: dict[str, set[str]] = defaultdict(set)  # of the conversation, by host of links

    def judge(self, markup: str, *, shown: bool) -> Iterator[LinkFinding]:
        """Yield the first finding for each kind of address. Addresses shown as text have one each.

        ``shown``: a viewer shows the text, and its addresses can be changed.
        """
        seen: set[str] = set()
        loaded: list[Address] = []
        followed: list[tuple[str, Address]] = []
        for address in find_addresses(markup):
            url = normalised(address.url)
            if self._policy.is_trusted(url):
                continue
            key = (url, address.loaded, shown)
            again = key in self._judged
            if not again:
                if len(self._judged) >= _MOST_ADDRESSES:
                    yield Decision.REVIEW, NOT_SCANNED, address.start, len(markup)
                    break
                self._judged[key] = self._is_unknown(url) and (address.loaded or self._has_words(url))
            if self._judged[key] and address.loaded:
                loaded.append(address)
            elif self._judged[key]:
                followed.append((host_of(url) or "", address))
            if again:
                continue
            for action, rule in self._reasons(address, url, shown=shown):
                if rule not in seen:
                    seen.add(rule)
                    yield action, rule, address.start, address.end
        yield from self._content(loaded, len(markup), shown=shown)
        carrying = [address for host, address in followed if len(self._words[host]) >= _LEAST_WORDS]
        yield from self._links_with_words(carrying, len(markup), shown=shown)

    def _reasons(self, address: Address, url: str, *, shown: bool) -> Iterator[tuple[Decision, str]]:
        policy, conversation = self._policy, self._conversation
        if is_active(url):
            yield policy.active, "active_address"
        elif not address.loaded and policy.is_public(url):
            if any(self._inner_carries_data(inner) for inner in addresses_within(url)):
                yield policy.followed, "link_with_data"
        else:
            as_text = shown and address.loaded and policy.unknown_hosts is UnknownHosts.SHOW_AS_TEXT
            certain = (as_text and self._is_unknown(url)) or conversation.names(host_of(url) or "", alone=True)
            if carries_data(url, conversation, loaded=address.loaded, certain=certain):
                yield (policy.loaded, "image_with_data") if address.loaded else (policy.followed, "link_with_data")

    def _inner_carries_data(self, url: str) -> bool:
        checked = not self._policy.is_trusted(url) and not self._policy.is_public(url)
        return checked and carries_data(url, self._conversation, loaded=False)

    def _is_unknown(self, url: str) -> bool:
        host = host_of(url)
        if host is None or self._conversation.holds(url):
            return False
        return not (host and self._conversation.names(host))

    def _has_words(self, url: str) -> bool:
        """Count words of the conversation in a link for its host; return True for any."""
        if self._policy.followed_words is LinkWords.ALLOW or self._policy.is_public(url):
            return False
        words = carried_words(url, self._conversation)
        self._words[host_of(url) or ""] |= words
        return bool(words)

    def _content(self, found: list[Address], length: int, *, shown: bool) -> Iterator[LinkFinding]:
        treatment = self._policy.unknown_hosts
        if not found or treatment is UnknownHosts.ALLOW:
            return
        if treatment is not UnknownHosts.SHOW_AS_TEXT:
            yield Decision(treatment.value), "content_of_unknown_host", found[0].start, found[0].end
        elif shown:
            yield from _each(SHOWN_AS_TEXT, found, length)

    def _links_with_words(self, found: list[Address], length: int, *, shown: bool) -> Iterator[LinkFinding]:
        if not found:
            return
        treatment = self._policy.followed_words
        if treatment is LinkWords.SHOW_AS_TEXT and shown:
            yield from _each(LINK_SHOWN_AS_TEXT, found, length)
            return
        decided = treatment in (LinkWords.REVIEW, LinkWords.BLOCK)
        decision = Decision(treatment.value) if decided else Decision.ALLOW
        yield decision, "link_with_words", found[0].start, found[0].end


def _each(rule: str, found: Iterable[Address], length: int) -> Iterator[LinkFinding]:
    """Yield a finding for each address up to a number, then one for all."""
    spans = sorted({(address.start, address.end) for address in found})
    for start, end in spans[:_MOST_SHOWN]:
        yield Decision.ALLOW, rule, start, end
    if len(spans) > _MOST_SHOWN:
        yield Decision.ALLOW, rule, spans[_MOST_SHOWN][0], length
