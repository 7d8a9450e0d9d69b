"""E-mail addresses (RFC 5321), without logins, packages, units, files and operators."""

import re
from collections.abc import Iterator

from domain.privacy.detection.top_level_domains import TOP_LEVEL_DOMAINS

# A sign between name and domain, and the dots of a domain: plain, or as URLs (RFC 3986), HTML and JSON write them.
_AT = re.compile(r"@|%(?:25){0,2}40|&#0{0,4}64;|&#[xX]0{0,4}40;|&commat;|\\\\{0,2}(?:u0040|x40)")
_ENCODED_AT = ("40", "64;", "&commat;")
_PLAIN_AT = re.compile("@")
_DOT = re.compile(r"(?:\.|%(?:25){0,2}2[eE]|&#0{0,4}46;|&#[xX]0{0,4}2[eE];|&period;|\\\\{0,2}(?:u002[eE]|x2[eE]))")
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Characters of scripts without spaces between words: an address in another script ends before them."""
_LOCAL_BACKWARDS = re.compile(
    rf"[^\W_{_UNSPACED}](?:(?:[^\W{_UNSPACED}]|[.%+'-]){{0,62}}[^\W{_UNSPACED}])?|[{_UNSPACED}]{{1,64}}|_"
)
_LABEL = rf"(?:[^\W_{_UNSPACED}](?:[^\W{_UNSPACED}]|-){{0,62}}|[{_UNSPACED}]{{1,63}})"
_LAST = rf"(?:xn--[A-Za-z0-9-]{{2,59}}|[A-Za-z]{{2,24}}|[^\W\d_{_UNSPACED}]{{2,24}}|[{_UNSPACED}]{{2,24}})"
_DOMAIN = re.compile(rf"(?:{_LABEL}{_DOT.pattern}){{1,8}}{_LAST}")
_LONGEST_LOCAL = 64
_LOGINS_OF_HOSTS = (
    "git hg svn root ubuntu ec2-user centos debian fedora rocky azureuser opc bitnami vagrant pi core www-data deploy"
    " deployer ansible jenkins gitlab-runner runner postgres mysql oracle hadoop spark tomcat nginx"
)
_LOGINS = frozenset(_LOGINS_OF_HOSTS.split())
"""Logins that hosts have rather than people: ``git@host`` is a repository's address."""
_VERSION = re.compile(r"v?\d{1,4}(?:\.\d{1,6}){1,3}\Z")
_CALLED = "at call date dot fit id in is name open prod run search select show to zip"
_METHODS = frozenset(_CALLED.split())
"""Methods with the name of a top-level domain."""
_PROGRAMS = (
    "ssh scp sftp rsync mosh sshfs ssh-copy-id autossh ansible ansible-playbook kinit kadmin ktutil sshpass npm pnpm"
    " yarn npx bun bunx deno pip pip3 pipx uv cargo go gem brew mvn gradle docker podman systemctl journalctl"
)
_COMMANDS = frozenset(_PROGRAMS.split())
_ACTIONS = (
    "install add i get run exec start stop restart status enable disable reload dlx create remove update upgrade"
    " pull push"
)
_SUBCOMMANDS = frozenset(_ACTIONS.split())
_ARGUMENT = re.compile(r"[-./~:=@\\$\"'{}\d]")
_MOST_ARGUMENTS = 12
_QUOTES = "$#;&|`(\"'>"
_SERVICE = re.compile(r"[A-Za-z][\w.-]{0,62}/\Z")
_USER_INFO = re.compile(r"(?<!mailto:)(?<!sip:)(?<=:)//[^\s/?#@\"'<>]{0,64}\Z")
_FIELD = re.compile(r"(?i)\A[ \t>]*(?:message-id|in-reply-to|references|content-id|x-[\w-]{1,40}id)[ \t]*:|\bcid:\Z")
_SETTING = re.compile(r"\bansible_\w{1,40}=|\b(?:HostName|ProxyJump) ")
_QUERY = re.compile(r"(?i)\bselect\b[^;]{0,160}\b(?:from|join)\s{1,4}[\w.]{0,40}\Z")
_MAIL = re.compile(
    r"(?i)(?:mail|correo|courriel|e-?post|\u90ae\u7bb1|\u90f5\u4ef6|\u30e1\u30fc\u30eb|\u043f\u043e\u0447\u0442\u0430)"
    r"\S{0,8}[:=\uff1a]\s{0,2}[\"'<]?\Z"
)
_PATH_AFTER = re.compile(r":(?:[/~\\]|\d{1,5}/|[\w.-]{1,64}/|[\w.-]{1,64}\.git\b)")
_HOST = re.compile(
    r"(?i)(?:.*\.compute(?:-1)?\.amazonaws\.com|.*\.compute\.internal|.*\.cluster\.local|[a-z-]{1,20}\d[\w-]*\.internal)\Z"
)
_WINDOW = 320


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of addresses in order, from each ``@`` outwards, however it is encoded."""
    free = 0
    signs = _AT if any(part in text for part in _ENCODED_AT) else _PLAIN_AT
    sign = signs.search(text)
    while sign:
        at = sign.start()
        domain = _DOMAIN.match(text, sign.end())
        local = _LOCAL_BACKWARDS.match(text[max(free, at - _LONGEST_LOCAL) : at][::-1]) if domain else None
        if domain and local:
            start = at - local.end()
            end = domain.end() if sign[0] != "@" else _end_of_address(text, start, at, domain)
            if end is not None:
                yield start, end
                free = end
        sign = signs.search(text, max(at + 1, free))


def _end_of_address(text: str, start: int, at: int, domain: re.Match[str]) -> int | None:
    """Return the end of an address, or None for anything else with an ``@``."""
    local = text[start:at].lower()
    before = text[max(0, start - _WINDOW) : start]
    line = before[before.rfind("\n") + 1 :]
    end = _end_of_domain(text, domain)
    if end is None:
        return domain.end() if _MAIL.search(line) else None
    name = text[domain.start() : end]
    if local in _LOGINS or _VERSION.match(local) or _PATH_AFTER.match(text, end) or _HOST.match(name):
        return None
    if text.startswith("(", end) and name.rpartition(".")[2].lower() in _METHODS:
        return None
    return None if _is_login(line, name) else end


def _end_of_domain(text: str, domain: re.Match[str]) -> int | None:
    """Return the end of the longest part with a top-level domain, or None.

    A sentence may follow without a space: ``alice@example.com.Please``.
    """
    last, end = domain.end(), domain.end()
    dots = [dot.span() for dot in _DOT.finditer(text, *domain.span())]
    for place, (dot, start) in enumerate(reversed(dots)):
        label = text[start:last].lower()
        if place == 0 and not label.isascii():
            while end - start > 1 and text[start:end] not in TOP_LEVEL_DOMAINS:
                end -= 1
            if end - start > 1:
                return end
        elif label in TOP_LEVEL_DOMAINS:
            return last
        last = dot
    return None


def _is_login(line: str, domain: str) -> bool:
    """Return True after what begins a login, a package or an identifier. ``line`` is the text before, in its line."""
    if any(form.search(line) for form in (_USER_INFO, _FIELD, _SETTING, _QUERY)):
        return True
    if domain.isupper() and _SERVICE.search(line):  # a Kerberos principal
        return True
    words = line.split()
    if line and not line[-1].isspace():
        words.pop()  # the beginning of the address's own word
    for word in reversed(words[-_MOST_ARGUMENTS:]):
        bare = word.lstrip(_QUOTES)
        if bare in _COMMANDS:
            return True
        if not (bare in _SUBCOMMANDS or _ARGUMENT.search(bare)):
            return False
    return False
