"""Rule sets: rules and lexicons of the policy's section ``rules``, tested on their examples.

They are the costly part of a policy, and change seldom: those of one document are read once in a process.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from domain.policy.lexicons import read_lexicon
from domain.policy.reader import PolicyError, Section
from domain.screening.literals import flat, required
from domain.screening.patterns import require_bounded
from domain.screening.phrases.alternatives import alternatives
from domain.screening.phrases.lexicons import Lexicon
from domain.screening.phrases.syntax import LazyPattern, lazy_pattern
from domain.screening.policy import Rule, RuleSet
from domain.screening.rules import find
from domain.text.normalise.pipeline import normalise
from domain.text.view import View

MOST_PATTERN = 8_000
"""Maximum number of characters of a pattern."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_KEPT = 4


_Parsed = tuple[tuple[Rule, ...], tuple[Lexicon, ...]]


class RuleSets:
    """Rules and lexicons of sets by name, and unions of sets, each made once."""

    def __init__(self, sets: Mapping[str, _Parsed]) -> None:
        self._sets = sets
        self._together: dict[tuple[str, ...], RuleSet] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all sets."""
        return tuple(self._sets)

    def together(self, names: tuple[str, ...]) -> RuleSet:
        """Return the union of these sets."""
        if names not in self._together:
            chosen = [self._sets[name] for name in names]
            self._together[names] = RuleSet(
                tuple(rule for rules, _ in chosen for rule in rules),
                tuple(lexicon for _, lexicons in chosen for lexicon in lexicons),
            )
        return self._together[names]


def read_rule_sets(section: Section) -> RuleSets:
    """Parse the rule sets: rules, lexicons or both.

    Raises:
        PolicyError: at the first error.
    """
    return _parsed(section.where, section.content)


@lru_cache(maxsize=_KEPT)
def _parsed(where: str, content: str) -> RuleSets:
    known: dict[str, _Parsed] = {}
    names: set[str] = set()
    with Section(json.loads(content), where) as sets:
        for set_name in sets.names:
            with sets.section(set_name) as section:
                rules: list[Rule] = []
                lexicons: list[Lexicon] = []
                for entry in section.sections("rules") if "rules" in section or "lexicons" not in section else ():
                    with entry:
                        rules.append(_rule(entry, names))
                for entry in section.sections("lexicons") if "lexicons" in section else ():
                    with entry:
                        lexicons.append(read_lexicon(entry, new_name(entry, names)))
                known[set_name] = tuple(rules), tuple(lexicons)
    return RuleSets(known)


def _rule(entry: Section, names: set[str]) -> Rule:
    patterns = _patterns(entry)
    name, score = new_name(entry, names), entry.number("score", 0.01, 1)
    parts = tuple(Rule(name, score, part, required(part.pattern)) for part in patterns)
    rule = (
        parts[0] if len(parts) == 1 else Rule(name, score, LazyPattern(entry.text("pattern", MOST_PATTERN)), (), parts)
    )
    for member, wanted in (("matches", True), ("passes", False)):
        for index, example in enumerate(entry.texts(member)):
            view = normalise(example).view
            if any((hit := find(part, view)) and not hit.mention for part in _candidates(parts, view)) is not wanted:
                raise PolicyError(f"{entry.path(member)}.{index}", failed(name, wanted=wanted))
    return rule


def _patterns(entry: Section) -> tuple[LazyPattern, ...]:
    """Return the alternatives of a rule's pattern, or the pattern itself."""
    pattern = entry.text("pattern", MOST_PATTERN)
    try:
        require_bounded(pattern)
        return tuple(map(lazy_pattern, alternatives(pattern)))
    except ValueError as error:
        raise PolicyError(entry.path("pattern"), str(error)) from error


def _candidates(parts: tuple[Rule, ...], view: View) -> Iterator[Rule]:
    """Yield the parts of a rule that may match, as an index of them would."""
    seen = flat(view.text)
    return (part for part in parts if all(any(literal in seen for literal in clause) for clause in part.needs))


def new_name(entry: Section, names: set[str]) -> str:
    """Parse a rule's name, and require its description.

    Raises:
        PolicyError: it is no name, or taken.
    """
    name = entry.text("name")
    if not _NAME.match(name) or name in names:
        raise PolicyError(entry.path("name"), "must consist of a-z, 0-9 and '_', and be unique among the rules")
    names.add(name)
    entry.text("description")
    return name


def failed(name: str, *, wanted: bool) -> str:
    """Return the error of a rule that fails one of its examples."""
    return f"the rule '{name}' {'does not match this example' if wanted else 'matches this example, and must not'}"
