"""Limits, rates, budgets and tenants, read from the policy's section ``limits``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from domain.access.api_keys import NO_KEYS, KeyLimits
from domain.access.principals import require_tenant
from domain.budgets.values import Rate
from domain.inference.requests import RequestLimits
from domain.inference.run_lengths import LONGEST_MODEL_CALL
from domain.policy.reader import PolicyError, Section
from domain.refusals import Refusal

_MAX_DAILY_TOKENS = 10**12
_MAX_KEY_DAYS = 3650
_MAX_KEYS = 500
_MAX_OVERLAP_HOURS = 720


@dataclass(frozen=True, slots=True)
class TenantPolicy:
    """Policy for a tenant's callers: ``rate`` and ``daily_tokens`` are per caller, ``models`` are aliases,
    ``keys`` the limits of API keys.

    ``sealed``: replies wait until a signed checkpoint of the log covers their record.
    """

    models: frozenset[str]
    rate: Rate
    daily_tokens: int
    sealed: bool = False
    keys: KeyLimits = NO_KEYS


@dataclass(frozen=True, slots=True)
class Limits:
    """Parsed section: ``common`` is for tenants not in ``tenants``."""

    request: RequestLimits
    common: TenantPolicy
    tenants: Mapping[str, TenantPolicy]


def read_limits(section: Section, aliases: frozenset[str]) -> Limits:
    """Parse the section, for models with these aliases.

    Raises:
        PolicyError: at the first error.
    """
    with section:
        common = TenantPolicy(
            aliases,
            _rate(section.section("rate")),
            _daily_tokens(section.section("quota")),
            _sealed(section),
            _keys(section, otherwise=NO_KEYS),
        )
        read_model_call_seconds(section)
        tenants: dict[str, TenantPolicy] = {}
        with section.section("tenants") as named:
            for name in named.names:
                try:
                    require_tenant(name)
                except Refusal as refusal:
                    raise PolicyError(named.path(name), refusal.detail) from refusal
                tenants[name] = _tenant(named.section(name), common)
        return Limits(_request(section.section("request")), common, tenants)


def read_model_call_seconds(section: Section) -> float:
    """Parse the time-out, in seconds, of calls of models without one of their own.

    Raises:
        PolicyError: at the first error.
    """
    with section.section("timeouts") as timeouts:
        return timeouts.number("model_call_seconds", 1, LONGEST_MODEL_CALL.total_seconds())


def _tenant(section: Section, common: TenantPolicy) -> TenantPolicy:
    with section:
        rate = _rate(section.section("rate")) if "rate" in section else common.rate
        tokens = _daily_tokens(section.section("quota")) if "quota" in section else common.daily_tokens
        models = common.models
        if "models" in section:
            models = frozenset(section.texts("models", may_be_empty=True))
            for alias in sorted(models - common.models):
                raise PolicyError(section.path("models"), f"'{alias}' is not the alias of a model")
        sealed, keys = _sealed(section, otherwise=common.sealed), _keys(section, otherwise=common.keys)
        return TenantPolicy(models, rate, tokens, sealed, keys)


def _sealed(section: Section, *, otherwise: bool = False) -> bool:
    return section.flag("sealed") if "sealed" in section else otherwise


def _keys(section: Section, *, otherwise: KeyLimits) -> KeyLimits:
    """Parse the limits of API keys. Documents of releases before them have none."""
    if "api_keys" not in section:
        return otherwise
    with section.section("api_keys") as keys:
        return KeyLimits(
            timedelta(days=keys.whole("longest_life_days", 0, _MAX_KEY_DAYS)),
            keys.whole("per_client", 0, _MAX_KEYS),
            timedelta(hours=keys.whole("longest_overlap_hours", 0, _MAX_OVERLAP_HOURS)),
        )


def _rate(section: Section) -> Rate:
    with section:
        return Rate(section.whole("limit", 1, 1_000_000), section.whole("window_seconds", 1, 86_400))


def _daily_tokens(section: Section) -> int:
    with section:
        return section.whole("tokens_per_day", 0, _MAX_DAILY_TOKENS)


def _request(section: Section) -> RequestLimits:
    with section:
        limits = RequestLimits(
            max_prompt_chars=section.whole("max_prompt_chars", 1, 32_000_000),
            max_messages=section.whole("max_messages", 1, 10_000),
            max_tokens=section.whole("max_tokens", 1, 1_000_000),
            default_max_tokens=section.whole("default_max_tokens", 1, 1_000_000),
            default_temperature=section.number("default_temperature", 0, 2),
            max_metadata_entries=section.whole("max_metadata_entries", 0, 1_000),
            max_metadata_chars=section.whole("max_metadata_chars", 1, 10_000),
        )
        if limits.default_max_tokens > limits.max_tokens:
            raise PolicyError(section.path("default_max_tokens"), "must not be above max_tokens")
        return limits
