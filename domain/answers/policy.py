"""Policy for screening answers, as values. Read by ``domain/policy/screening.py``."""

import re
from dataclasses import dataclass
from enum import StrEnum

from domain.answers.exfiltration import host_of, path_of
from domain.answers.html_effects import HtmlEffect, find_effect
from domain.screening.verdicts import Decision
from domain.text.example_jwt import is_example_jwt
from domain.text.example_secrets import is_example_key, is_example_password, is_example_token


class SecretForm(StrEnum):
    """Forms of secrets, of which evident examples don't count. See ``domain/text/example_*.py``."""

    TOKEN = "token"  # noqa: S105 - a form's name
    PASSWORD = "password"  # noqa: S105 - a form's name
    PRIVATE_KEY = "private_key"
    JWT = "jwt"


@dataclass(frozen=True, slots=True)
class OutputRule:
    """A named pattern, matched on the unchanged answer, or an effect of HTML. ``action`` is REVIEW or BLOCK.

    Attributes:
        pattern: None for an effect of HTML.
        outside_code: True if code blocks and inline code are skipped.
        secret: form of the secret that the pattern's group ``value`` or the whole match is; None for other rules, and
            where examples count as well.
        html: effect of HTML to be found; None for a pattern.
    """

    name: str
    action: Decision
    pattern: re.Pattern[str] | None
    outside_code: bool
    secret: SecretForm | None = None
    html: HtmlEffect | None = None

    def find(self, text: str) -> tuple[int, int] | None:
        """Return the position of the first match that is no example, or None.

        Raises:
            ValueError: the rule has neither a pattern nor an effect.
        """
        if self.html is not None:
            return find_effect(text, self.html)
        if self.pattern is None:
            raise ValueError("a rule needs a pattern or an effect of HTML")
        for match in self.pattern.finditer(text):
            if self.secret is None or not _is_example(self.secret, match):
                return match.span()
        return None


def _is_example(form: SecretForm, match: re.Match[str]) -> bool:
    group = "value" if "value" in match.re.groupindex and match["value"] is not None else 0
    if form is SecretForm.TOKEN:
        rest = _REST.match(match.string, match.end(group))
        return is_example_token(match[group] + (rest[0] if rest else ""))
    if form is SecretForm.PASSWORD:
        return is_example_password(match[group])
    follows = is_example_key if form is SecretForm.PRIVATE_KEY else is_example_jwt
    return follows(match.string, match.start(group))


_REST = re.compile("[A-Za-z0-9]{1,64}")  # of a word that is longer than the pattern's longest match


class UnknownHosts(StrEnum):
    """Treatment of loaded content of a host neither trusted nor named in the conversation."""

    ALLOW = "allow"
    SHOW_AS_TEXT = "show_as_text"
    REVIEW = "review"
    BLOCK = "block"


class LinkWords(StrEnum):
    """Treatment of links to unknown hosts that carry words of the conversation."""

    ALLOW = "allow"
    RECORD = "record"
    SHOW_AS_TEXT = "show_as_text"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """Decisions for exfiltrating addresses: REVIEW or BLOCK each.

    Attributes:
        loaded: for addresses that a viewer fetches automatically, such as an image's.
        followed: for links.
        active: for addresses that execute code, such as ``javascript:``.
        trusted_hosts: hosts, with their subdomains, whose addresses are not checked.
        unknown_hosts: for loaded addresses of other hosts that the conversation doesn't name.
        followed_words: for links to such hosts with words of the conversation.
        public_pages: hosts, with their subdomains, and beginnings of paths whose links may repeat the conversation:
            whoever manipulates a model can't read what they receive.
    """

    loaded: Decision
    followed: Decision
    active: Decision
    trusted_hosts: tuple[str, ...] = ()
    unknown_hosts: UnknownHosts = UnknownHosts.ALLOW
    followed_words: LinkWords = LinkWords.ALLOW
    public_pages: tuple[str, ...] = ()

    def is_trusted(self, url: str) -> bool:
        """Return True if the host of a normalised address is trusted."""
        host = host_of(url)
        return host is not None and any(_within(host, one) for one in self.trusted_hosts)

    def is_public(self, url: str) -> bool:
        """Return True if a normalised address is one of a public page."""
        host = host_of(url)
        if not host:
            return False
        path = path_of(url)
        pages = (page.partition("/") for page in self.public_pages)
        return any(_within(host, one) and path.startswith(f"/{begin}") for one, _, begin in pages)


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


@dataclass(frozen=True, slots=True)
class OutputPolicy:
    """Policy for screening answers. A member that is None is disabled.

    Attributes:
        rules: at least one.
        max_scanned_chars: maximum number of code points of an answer that are read.
        leak_words: number of consecutive words of a system message that are a leak.
        leak_action: REVIEW or BLOCK.
        links: decisions for exfiltrating addresses.
        hidden_action: decision for hidden text.
        canary_action: decision for a leaked canary; system messages get one only if it is set.
    """

    rules: tuple[OutputRule, ...]
    max_scanned_chars: int
    leak_words: int
    leak_action: Decision
    links: LinkPolicy | None = None
    hidden_action: Decision | None = None
    canary_action: Decision | None = None
