"""One run for one action of a user: a request that a client repeats joins the run of the first."""

from collections.abc import Callable
from typing import Final

from domain.access.principals import Principal
from domain.identity import run_id, session_digest, submission_digest
from domain.inference.ports import SubmissionStore
from domain.inference.submissions import AskedRun, BegunSubmission, Ending, RepeatSigns
from domain.ports import IdentityKeys
from domain.refusals import Refusal

MOST_RETRIES: Final = 1000


class RunSubmissions:
    """Requests for runs without a key of the caller's own."""

    def __init__(self, store: SubmissionStore, identities: IdentityKeys, random_tag: Callable[[], str]) -> None:
        """Take the ports."""
        self._store = store
        self._identities = identities
        self._random_tag = random_tag

    async def begin(self, principal: Principal, policy: str, request_hash: str, signs: RepeatSigns) -> BegunSubmission:
        """Return the run that the request repeats, or a new one. Args: hashes of the policy and of the body.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        tenant, caller, tag = principal.tenant, principal.caller, self._random_tag()
        key = await self._identities.tenant_key(tenant)
        digest = submission_digest(key, tenant, caller, policy, request_hash)
        run = await self._store.begin(
            AskedRun(
                *(tenant, caller, digest, tag),
                connection=tag,
                streamed=signs.streamed,
                retries=min(signs.retries, MOST_RETRIES),
                session=None if signs.session is None else session_digest(key, tenant, signs.session),
            )
        )
        # what a row can name is a run of this caller's for this very request, whoever wrote the row
        return BegunSubmission(run_id(key, tenant, caller, f"submission:{digest.hex()}:{run.tag}"), run)

    async def note(self, begun: BegunSubmission, ending: Ending | None = None) -> bool:
        """Note that the connection still waits, or its end. False if the store does not answer."""
        try:
            await self._store.note(begun.run, ending)
        except Refusal:
            return False
        return True
