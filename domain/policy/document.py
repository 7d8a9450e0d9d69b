"""The operator's policy: one document, identified by the hash of its content and pinned by each run."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NoReturn

from domain.access.api_keys import NO_KEYS, KeyLimits
from domain.answers.policy import OutputPolicy
from domain.budgets.values import Rate
from domain.inference.models import ModelEntry
from domain.inference.requests import RequestLimits
from domain.policy.content import ContentPolicy, read_content_policy
from domain.policy.limits import TenantPolicy, read_limits, read_model_call_seconds
from domain.policy.models import read_models
from domain.policy.privacy import read_privacy
from domain.policy.reader import PolicyError, Section
from domain.policy.screening import read_output, read_screening
from domain.privacy.policy import PrivacyPolicy
from domain.records.records import canonical
from domain.refusals import Kind, Refusal
from domain.screening.policy import ScreeningPolicy
from domain.text.sanitise import SanitisePolicy

__all__ = ["Policy", "PolicyError", "TenantPolicy", "parse_policy", "policy_hash"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A complete policy. ``rate``, ``daily_tokens``, ``sealed`` and ``api_keys`` are defaults: use ``for_tenant``.

    ``privacy`` is None in documents of older releases: runs pinned to them continue without it, and with the defaults
    of ``content``.
    """

    limits: RequestLimits
    rate: Rate
    daily_tokens: int
    models: Mapping[str, ModelEntry]
    fallback_aliases: Mapping[str, tuple[str, ...]]
    tenants: Mapping[str, TenantPolicy]
    sanitising: SanitisePolicy
    screening: ScreeningPolicy
    output: OutputPolicy
    privacy: PrivacyPolicy | None = None
    sealed: bool = False
    api_keys: KeyLimits = NO_KEYS
    content: ContentPolicy = field(default_factory=ContentPolicy)

    def for_tenant(self, tenant: str) -> TenantPolicy:
        """Return the policy for a tenant's callers."""
        return self.tenants.get(tenant) or TenantPolicy(
            frozenset(self.models), self.rate, self.daily_tokens, self.sealed, self.api_keys
        )

    def models_for(self, tenant: str, narrowed: Collection[str] | None = None) -> tuple[str, ...]:
        """Return the aliases granted to the tenant, of ``narrowed`` if given, in order."""
        granted = self.for_tenant(tenant).models
        return tuple(alias for alias in self.models if alias in granted and (narrowed is None or alias in narrowed))

    def model(self, tenant: str, alias: str, narrowed: Collection[str] | None = None) -> ModelEntry:
        """Return the model with exactly this alias. ``narrowed``: the aliases that an API key may use.

        Raises:
            Refusal: UNKNOWN_MODEL, the same for an unknown one and one not granted to the tenant or the key.
        """
        entry = self.models.get(alias)
        allowed = self.models_for(tenant, narrowed)
        if entry is None or alias not in allowed:
            available = ", ".join(allowed) or "none"
            raise Refusal(Kind.UNKNOWN_MODEL, f"unknown model '{alias}'; available: {available}", field="model")
        return entry

    def default_model(self, tenant: str, narrowed: Collection[str] | None = None) -> str:
        """Return the default alias: the first granted to the tenant, and to an API key if it is narrowed.

        Raises:
            Refusal: UNKNOWN_MODEL if there is none.
        """
        for alias in self.models_for(tenant, narrowed):
            return alias
        raise Refusal(Kind.UNKNOWN_MODEL, "no model is available to this tenant", field="model")

    def fallbacks(self, tenant: str, alias: str, narrowed: Collection[str] | None = None) -> tuple[str, ...]:
        """Return the fallback aliases of ``alias`` in order: only those granted to the tenant, and to its API key.

        Raises:
            Refusal: UNKNOWN_MODEL, as ``model``.
        """
        self.model(tenant, alias, narrowed)
        allowed = self.models_for(tenant, narrowed)
        return tuple(other for other in self.fallback_aliases[alias] if other in allowed)


def policy_hash(document: bytes) -> str:
    """Return the name of a policy: SHA-256 of its canonical document, hexadecimal."""
    return hashlib.sha256(document).hexdigest()


def parse_policy(document: bytes) -> Policy:
    """Parse a policy's canonical JSON completely: unknown content is refused, and nothing is filled in.

    Raises:
        PolicyError: with the dotted path of the error.
    """
    root = Section(_decode(document), "")
    with root:
        models = read_models(root.section("models"), read_model_call_seconds(root.section("limits")))
        limits = read_limits(root.section("limits"), frozenset(models.entries))
        sanitising, screening = read_screening(
            root.section("screening"), root.section("rules"), frozenset(models.entries)
        )
        output = read_output(root.section("output"))
        privacy = read_privacy(root.section("privacy")) if "privacy" in root else None
        content = read_content_policy(root.section("content")) if "content" in root else ContentPolicy()
    return Policy(
        limits=replace(limits.request, content=content.limits),
        rate=limits.common.rate,
        daily_tokens=limits.common.daily_tokens,
        models=MappingProxyType(dict(models.entries)),
        fallback_aliases=MappingProxyType(dict(models.fallbacks)),
        tenants=MappingProxyType(dict(limits.tenants)),
        sanitising=sanitising,
        screening=replace(screening, images=content.images, tool_images=content.tool_images),
        output=output,
        privacy=privacy,
        sealed=limits.common.sealed,
        api_keys=limits.common.keys,
        content=content,
    )


def _decode(document: bytes) -> Any:  # noqa: ANN401 - any JSON; Section checks it
    try:
        value = json.loads(document.decode(), parse_constant=_not_json)
        same = canonical(value) == document
    except (ValueError, RecursionError) as error:
        raise PolicyError("", "the document is not valid JSON") from error
    if not same:
        raise PolicyError("", "the document is not in canonical form")
    return value


def _not_json(name: str) -> NoReturn:
    raise ValueError(name)
