"""Sanitising and screening, read from the policy's sections ``screening``, ``rules`` and ``output``.

Every rule proves itself on its own examples first: a rule that doesn't find what it says it finds refuses the policy.
"""

import re

from domain.output_policy import LinkPolicy, OutputPolicy, OutputRule
from domain.output_screening import matches
from domain.policy_reader import PolicyError, Section
from domain.sanitise import SanitisePolicy, sanitise
from domain.screening import DETECTORS
from domain.screening_patterns import compile_pattern
from domain.screening_policy import Rule, ScreeningPolicy, Thresholds
from domain.screening_rules import find
from domain.screening_view import fold
from domain.verdicts import Decision

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,10}\Z")
_MAX_PATTERN = 8_000
_ACTIONS = (Decision.REVIEW.value, Decision.BLOCK.value)
_MAX_SCANNED = 10_000_000


def read_screening(section: Section, sets: Section) -> tuple[SanitisePolicy, ScreeningPolicy]:
    """Read how prompts are treated. Rule sets that are switched off are checked all the same.

    Raises:
        PolicyError: where something is wrong.
    """
    known = _rule_sets(sets)
    with section:
        with section.section("sanitising") as sanitising:
            shell = sanitising.choice("shell_metacharacters", ("keep", "remove"))
        policy = ScreeningPolicy(
            detectors=_known(section, "detectors", tuple(DETECTORS)),
            thresholds=_thresholds(section.section("thresholds")),
            max_scanned_chars=section.whole("max_scanned_chars", 1, _MAX_SCANNED),
            hidden_text_score=section.number("hidden_text_score", 0, 1),
            rules=tuple(rule for name in _known(section, "rule_sets", tuple(known)) for rule in known[name]),
        )
    return SanitisePolicy(shell == "remove"), policy


def read_output(section: Section) -> OutputPolicy:
    """Read how answers are treated.

    Raises:
        PolicyError: where something is wrong.
    """
    with section:
        with section.section("leaked_system_prompt") as leak:
            words, action = leak.whole("words", 8, 1_000), Decision(leak.choice("action", _ACTIONS))
        rules: list[OutputRule] = []
        names: set[str] = set()
        for entry in section.sections("rules"):
            with entry:
                rules.append(_output_rule(entry, names))
        return OutputPolicy(
            tuple(rules),
            section.whole("max_scanned_chars", 1, _MAX_SCANNED),
            words,
            action,
            _links(section.section("links")) if "links" in section else None,
            _switched(section, "hidden_text"),
            _switched(section, "canary"),
        )


def _links(section: Section) -> LinkPolicy:
    with section:
        loaded, followed, active = (
            Decision(section.choice(name, _ACTIONS)) for name in ("loaded", "followed", "active")
        )
        hosts = section.texts("trusted_hosts", may_be_empty=True)
        for host in hosts:
            if not _HOST.match(host):
                raise PolicyError(section.path("trusted_hosts"), "must be names of hosts, in lower case")
    return LinkPolicy(loaded, followed, active, hosts)


def _switched(section: Section, name: str) -> Decision | None:
    """An action, or ``off``. Policies from before there was such a member have it off: runs are pinned to them."""
    action = section.choice(name, (*_ACTIONS, "off")) if name in section else "off"
    return None if action == "off" else Decision(action)


def _known(section: Section, member: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = section.texts(member)
    for name in names:
        if name not in known:
            raise PolicyError(section.path(member), f"'{name}' is not known; known are: {', '.join(known)}")
    return names


def _thresholds(section: Section) -> Thresholds:
    with section:
        thresholds = Thresholds(*(section.number(name, 0.01, 1) for name in ("review", "block", "raised", "high")))
        if thresholds.review > thresholds.block:
            raise PolicyError(section.path("review"), "must not be above block")
        if thresholds.raised > thresholds.high:
            raise PolicyError(section.path("raised"), "must not be above high")
        return thresholds


def _rule_sets(sets: Section) -> dict[str, tuple[Rule, ...]]:
    known: dict[str, tuple[Rule, ...]] = {}
    names: set[str] = set()
    with sets:
        for set_name in sets.names:
            with sets.section(set_name) as section:
                rules: list[Rule] = []
                for entry in section.sections("rules"):
                    with entry:
                        rules.append(_rule(entry, names))
                known[set_name] = tuple(rules)
    return known


def _rule(entry: Section, names: set[str]) -> Rule:
    rule = Rule(_new_name(entry, names), entry.number("score", 0.01, 1), _pattern(entry))

    def finds(example: str) -> bool:
        hit = find(rule, fold(sanitise(example, SanitisePolicy()).text))
        return hit is not None and not hit.mention

    for member, wanted in (("matches", True), ("passes", False)):
        for index, example in enumerate(entry.texts(member)):
            if finds(example) is not wanted:
                raise PolicyError(f"{entry.path(member)}.{index}", _failed(rule.name, wanted=wanted))
    return rule


def _output_rule(entry: Section, names: set[str]) -> OutputRule:
    action = Decision(entry.choice("action", _ACTIONS))
    rule = OutputRule(_new_name(entry, names), action, _pattern(entry), entry.flag("outside_code"))
    for member, wanted in (("matches", True), ("passes", False)):
        for index, example in enumerate(entry.texts(member)):
            if matches(rule, example) is not wanted:
                raise PolicyError(f"{entry.path(member)}.{index}", _failed(rule.name, wanted=wanted))
    return rule


def _failed(name: str, *, wanted: bool) -> str:
    return f"the rule '{name}' {'does not find this example' if wanted else 'stops this example, and must not'}"


def _new_name(entry: Section, names: set[str]) -> str:
    name = entry.text("name")
    if not _NAME.match(name) or name in names:
        raise PolicyError(entry.path("name"), "must be a-z, 0-9 and '_', and no other rule's name")
    names.add(name)
    entry.text("description")
    return name


def _pattern(entry: Section) -> re.Pattern[str]:
    try:
        return compile_pattern(entry.text("pattern", _MAX_PATTERN))
    except ValueError as error:
        raise PolicyError(entry.path("pattern"), str(error)) from error
