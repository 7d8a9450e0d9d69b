"""Secrets and personal data, read from the policy's section ``privacy``. Rules are tested on their examples."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from domain.access.principals import require_tenant
from domain.policy.reader import PolicyError, Section
from domain.privacy.detection.matching import places_of
from domain.privacy.policy import DataKind, DataRule, ExemptForm, Handling, PrivacyPolicy
from domain.refusals import Refusal
from domain.screening.patterns import compile_pattern
from domain.screening.verdicts import Decision

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_REGION = re.compile(r"[A-Z]{2}\Z")
_ACTIONS = tuple(decision.value for decision in Decision)
_EXEMPT_FORMS = tuple(exemption.value for exemption in ExemptForm)
_HANDLINGS = tuple(handling.value for handling in Handling)
_RULED = tuple(kind.value for kind in (DataKind.PASSWORD, DataKind.API_KEY, DataKind.TOKEN, DataKind.OTHER))
_MAX_SCANNED = 32_000_000
_MAX_PATTERN = 8_000


def read_privacy(section: Section) -> PrivacyPolicy:
    """Parse the section.

    Raises:
        PolicyError: at the first error.
    """
    with section:
        with section.section("kinds") as kinds:
            common = {kind: Handling(kinds.choice(kind.value, _HANDLINGS)) for kind in DataKind}
        with section.section("answers") as answers:
            given = {kind: Decision(answers.choice(kind.value, _ACTIONS)) for kind in DataKind}
        names: set[str] = set()
        rules: list[DataRule] = []
        for entry in section.sections("rules"):
            with entry:
                rules.append(_rule(entry, names))
        regions = section.texts("phone_regions", may_be_empty=True)
        for region in regions:
            if not _REGION.match(region):
                raise PolicyError(
                    section.path("phone_regions"), "must contain regions as two capital letters, such as US"
                )
        return PrivacyPolicy(
            handling=MappingProxyType(common),
            tenants=MappingProxyType(_tenants(section.section("tenants"), common)),
            answers=MappingProxyType(given),
            rules=tuple(rules),
            phone_regions=regions,
            max_scanned_chars=section.whole("max_scanned_chars", 1, _MAX_SCANNED),
        )


def _tenants(named: Section, common: Mapping[DataKind, Handling]) -> dict[str, Mapping[DataKind, Handling]]:
    tenants: dict[str, Mapping[DataKind, Handling]] = {}
    with named:
        for name in named.names:
            try:
                require_tenant(name)
            except Refusal as refusal:
                raise PolicyError(named.path(name), refusal.detail) from refusal
            with named.section(name) as own:
                changed = {kind: Handling(own.choice(kind.value, _HANDLINGS)) for kind in DataKind if kind.value in own}
            tenants[name] = MappingProxyType({**common, **changed})
    return tenants


def _rule(entry: Section, names: set[str]) -> DataRule:
    name = entry.text("name")
    if not _NAME.match(name) or name in names:
        raise PolicyError(entry.path("name"), "must consist of a-z, 0-9 and '_', and be unique among the rules")
    names.add(name)
    entry.text("description")
    try:
        pattern = compile_pattern(entry.text("pattern", _MAX_PATTERN))
    except ValueError as error:
        raise PolicyError(entry.path("pattern"), str(error)) from error
    hints = entry.texts("hints") if "hints" in entry else ()
    rule = DataRule(name, DataKind(entry.choice("kind", _RULED)), pattern, hints, _exemptions(entry))
    for member, wanted in (("matches", True), ("passes", False)):
        for index, example in enumerate(entry.texts(member)):
            if bool(places_of(rule, example)) is not wanted:
                found = "does not match this example" if wanted else "matches this example, and must not"
                raise PolicyError(f"{entry.path(member)}.{index}", f"the rule '{name}' {found}")
    return rule


def _exemptions(entry: Section) -> frozenset[ExemptForm]:
    if "exempt" not in entry:
        return frozenset()
    given = entry.texts("exempt")
    for index, name in enumerate(given):
        if name not in _EXEMPT_FORMS:
            raise PolicyError(f"{entry.path('exempt')}.{index}", f"must be one of {', '.join(_EXEMPT_FORMS)}")
    return frozenset(map(ExemptForm, given))
