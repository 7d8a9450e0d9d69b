"""The policy of the single-machine stack at its start."""

import asyncio
from dataclasses import dataclass

from adapters.system.policy_files import load_policy_document, with_providers
from adapters.vault.session import ServiceSession
from adapters.wiring.policy_store import policy_store
from config.settings import Settings
from domain.policy.document import PolicyError, parse_policy
from domain.policy.ports import PolicyChanges
from embedded.process.errors import EmbeddedError
from services.policies.changes import AppliedPolicy, apply_policy, changed_sections


@dataclass(frozen=True, slots=True)
class PolicyAtStart:
    """The current policy beside the files.

    ``applied`` is set if it became current by this start. ``differs`` names the sections in which the files differ
    from it; ``invalid`` is the error in the files, if there is one.
    """

    hash: str
    applied: AppliedPolicy | None = None
    differs: tuple[str, ...] = ()
    invalid: str | None = None


async def ensure_policy(session: ServiceSession, settings: Settings) -> PolicyAtStart:
    """Apply the policy files if no current policy exists that this release can read.

    A current policy stays, whatever the files say; only the addresses of this stack's own models follow its ports.

    Raises:
        EmbeddedError: a policy is needed, and the files are not valid.
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
    """
    async with policy_store(session, settings) as store:
        return await ensure_in(store, settings)


async def ensure_in(store: PolicyChanges, settings: Settings) -> PolicyAtStart:
    """As ``ensure_policy``, in a store."""
    files: bytes | None = None
    invalid: str | None = None
    try:
        files = await asyncio.to_thread(load_policy_document, settings.policies_dir, settings.provider_urls)
    except PolicyError as error:
        invalid = str(error)
    current = await store.current()
    document = None if current is None else await store.get(current)
    if current is not None and document is not None and document == files:
        return PolicyAtStart(current)
    if current is None or document is None or not await asyncio.to_thread(_readable, document):
        if files is None:
            raise EmbeddedError(f"the policy in {settings.policies_dir} is not valid: {invalid}")
        applied = await apply_policy(store, files)
        return PolicyAtStart(applied.hash, applied)
    moved = with_providers(document, settings.provider_urls)
    differs = changed_sections(moved, files) if files is not None else ()
    if moved == document:
        return PolicyAtStart(current, None, differs, invalid)
    applied = await apply_policy(store, moved)
    return PolicyAtStart(applied.hash, applied, differs, invalid)


def _readable(document: bytes) -> bool:
    try:
        parse_policy(document)
    except PolicyError:
        return False
    return True
