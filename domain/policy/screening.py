"""Sanitising and screening, read from the policy's sections ``screening``, ``rules`` and ``output``.

Every rule is tested on its own examples first: a rule that does not match them refuses the policy.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from domain.answers.html_effects import HtmlEffect
from domain.answers.policy import LinkPolicy, LinkWords, OutputPolicy, OutputRule, SecretForm, UnknownHosts
from domain.answers.screen import matches
from domain.inference.content import TextKind
from domain.policy.reader import PolicyError, Section
from domain.policy.rule_sets import MOST_PATTERN, RuleSets, failed, new_name, read_rule_sets
from domain.policy.thresholds import read_bands, read_exemptions, read_onnx, read_treatment
from domain.screening.ngrams_detector import Ngrams
from domain.screening.normaliser import Normaliser
from domain.screening.patterns import compile_pattern
from domain.screening.policy import RuleSet, ScreeningPolicy
from domain.screening.screen import DETECTOR_NAMES
from domain.screening.verdicts import Decision, WithoutReviewers
from domain.text.sanitise import SHELL_METACHARACTERS, SanitisePolicy

_MODEL = re.compile(r"[0-9a-f]{16}\Z")
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,10}\Z")
_PUBLIC_PAGE = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,10}/[!-~]{0,100}\Z")
_ACTIONS = (Decision.REVIEW.value, Decision.BLOCK.value)
_MAX_SCANNED = 32_000_000
_RENAMED = {"hidden_text": Normaliser.name}


def read_screening(section: Section, sets: Section, models: frozenset[str]) -> tuple[SanitisePolicy, ScreeningPolicy]:
    """Parse sanitising and screening for these models. Disabled rule sets are checked as well.

    Raises:
        PolicyError: at the first error.
    """
    known = read_rule_sets(sets)
    with section:
        with section.section("sanitising") as sanitising:
            shell = sanitising.choice("shell_metacharacters", ("keep", "remove"))
        common = read_treatment(section)
        policy = ScreeningPolicy(
            detectors=_detectors(section),
            treatments=(common,),
            exemptions=tuple(read_exemptions(section, common, models)),
            bands=read_bands(section.section("bands")),
            max_scanned_chars=section.whole("max_scanned_chars", 1, _MAX_SCANNED),
            hidden_text_score=section.number("hidden_text_score", 0, 1),
            removed_characters=SHELL_METACHARACTERS if shell == "remove" else "",
            rules=_rules(section.section("rule_sets"), known),
            ngram_model=_model(section),
            onnx=read_onnx(section),
            without_reviewers=_without_reviewers(section),
        )
    return SanitisePolicy(shell == "remove"), policy


def read_output(section: Section) -> OutputPolicy:
    """Parse the screening of answers.

    Raises:
        PolicyError: at the first error.
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
                raise PolicyError(section.path("trusted_hosts"), "must be host names in lower case")
        unknown = UnknownHosts.ALLOW  # in policies without the member: runs are pinned to older ones
        if "unknown_hosts" in section:
            unknown = UnknownHosts(section.choice("unknown_hosts", tuple(UnknownHosts)))
        public = section.texts("public_pages", may_be_empty=True) if "public_pages" in section else ()
        for page in public:
            if not _PUBLIC_PAGE.match(page):
                raise PolicyError(section.path("public_pages"), "must be host names in lower case, each with a path")
        words = LinkWords.ALLOW  # as above
        if "followed_words" in section:
            words = LinkWords(section.choice("followed_words", tuple(LinkWords)))
    return LinkPolicy(loaded, followed, active, hosts, unknown, words, public)


def _switched(section: Section, name: str) -> Decision | None:
    """Parse an action, or ``off``, also for policies without the member: runs are pinned to older ones."""
    action = section.choice(name, (*_ACTIONS, "off")) if name in section else "off"
    return None if action == "off" else Decision(action)


def _without_reviewers(section: Section) -> WithoutReviewers:
    """Parse the effect of a review. Policies without the member, to which runs may be pinned, refuse."""
    if "without_reviewers" not in section:
        return WithoutReviewers.REFUSE
    return WithoutReviewers(section.choice("without_reviewers", tuple(WithoutReviewers)))


def _known(section: Section, member: str, known: tuple[str, ...], *, may_be_empty: bool = False) -> tuple[str, ...]:
    names = section.texts(member, may_be_empty=may_be_empty)
    for name in names:
        if name not in known:
            raise PolicyError(section.path(member), f"'{name}' is unknown; known: {', '.join(known)}")
    return names


def _detectors(section: Section) -> tuple[str, ...]:
    """Parse the detectors' names; a policy pinned by a run may use a former name."""
    names = _known(section, "detectors", (*DETECTOR_NAMES, *_RENAMED))
    return tuple(dict.fromkeys(_RENAMED.get(name, name) for name in names))


def _model(section: Section) -> str:
    """Parse the classifier's model. Policies from before the classifier, to which runs may be pinned, name none."""
    if "ngrams" not in section and Ngrams.name not in section.texts("detectors"):
        return ""
    with section.section("ngrams") as ngrams:
        name = ngrams.text("model")
        if not _MODEL.match(name):
            raise PolicyError(ngrams.path("model"), "must be the first 16 hexadecimal digits of a model's SHA-256")
        return name


def _rules(section: Section, known: RuleSets) -> Mapping[TextKind, RuleSet]:
    """Parse the rules for each kind of text. A kind may have none if another has some."""
    with section:
        named = {kind: _known(section, kind.value, known.names, may_be_empty=True) for kind in TextKind}
        if not any(named.values()):
            raise PolicyError(section.where, "must enable a rule set for at least one kind of text")
        return MappingProxyType({kind: known.together(names) for kind, names in named.items()})


def _output_rule(entry: Section, names: set[str]) -> OutputRule:
    action = Decision(entry.choice("action", _ACTIONS))
    secret = SecretForm(entry.choice("secret", tuple(SecretForm))) if "secret" in entry else None
    effect = HtmlEffect(entry.choice("html", tuple(HtmlEffect))) if "html" in entry else None
    pattern = _pattern(entry) if effect is None else None
    rule = OutputRule(new_name(entry, names), action, pattern, entry.flag("outside_code"), secret, effect)
    for member, wanted in (("matches", True), ("passes", False)):
        for index, example in enumerate(entry.texts(member)):
            if matches(rule, example) is not wanted:
                raise PolicyError(f"{entry.path(member)}.{index}", failed(rule.name, wanted=wanted))
    return rule


def _pattern(entry: Section) -> re.Pattern[str]:
    try:
        return compile_pattern(entry.text("pattern", MOST_PATTERN))
    except ValueError as error:
        raise PolicyError(entry.path("pattern"), str(error)) from error
