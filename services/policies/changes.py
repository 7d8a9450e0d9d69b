"""Applying and finding policies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.policy.ports import PolicyChanges, StoredPolicy
from domain.refusals import Kind, Refusal

_RULES = "rules"
_LEAST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """A newly current policy: its hash, the previous one's, and the sections in which they differ."""

    hash: str
    before: str | None
    sections: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Return True if another policy was current before."""
        return self.hash != self.before


async def apply_policy(store: PolicyChanges, document: bytes) -> AppliedPolicy:
    """Store a validated document and make it current. A repeat changes and records nothing.

    Raises:
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
    """
    policy_hash = await store.put(document)
    before = await store.make_current(policy_hash)
    old = None if before is None else await store.get(before)
    return AppliedPolicy(policy_hash, before, changed_sections(old, document))


async def find_policy(store: PolicyChanges, named: str | None) -> tuple[str, bytes]:
    """Return hash and document of the current policy, or of a hash prefix.

    Raises:
        Refusal: UNKNOWN_POLICY if there is none; INVALID_REQUEST for fewer than eight digits, or for an ambiguous
            prefix.
    """
    if named is None:
        found = await store.current()
        if found is None:
            raise Refusal(Kind.UNKNOWN_POLICY, "no policy is current")
    else:
        found = _one_of(await store.stored(), named.lower())
    document = await store.get(found)
    if document is None:
        raise Refusal(Kind.UNKNOWN_POLICY, f"the policy {found} is not stored, or was changed there")
    return found, document


def changed_sections(before: bytes | None, after: bytes) -> tuple[str, ...]:
    """Return the sections in which two documents differ, a rule set as ``rules/NAME``. All without an earlier one."""
    old, new = _sections({} if before is None else json.loads(before)), _sections(json.loads(after))
    return tuple(name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name))


def _sections(document: Mapping[str, Any]) -> dict[str, Any]:
    rules = {f"{_RULES}/{name}": rule_set for name, rule_set in document.get(_RULES, {}).items()}
    return {name: section for name, section in document.items() if name != _RULES} | rules


def _one_of(stored: tuple[StoredPolicy, ...], named: str) -> str:
    if len(named) < _LEAST_DIGITS:
        raise Refusal(Kind.INVALID_REQUEST, f"give {_LEAST_DIGITS} digits of the hash or more", field="hash")
    found = [policy.hash for policy in stored if policy.hash.startswith(named)]
    if not found:
        raise Refusal(Kind.UNKNOWN_POLICY, f"no policy is stored whose hash begins with '{named}'")
    if len(found) > 1:
        raise Refusal(Kind.INVALID_REQUEST, f"the hashes of {len(found)} policies begin with '{named}'", field="hash")
    return found[0]
