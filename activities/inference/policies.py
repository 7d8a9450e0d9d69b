"""Policies by content hash, read once: what a hash names never changes."""

from domain.policy.document import Policy, PolicyError, parse_policy
from domain.policy.ports import PolicyStore
from domain.refusals import Kind, Refusal

_KEPT = 64


class Policies:
    """The policies that runs are pinned to."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store
        self._parsed: dict[str, Policy] = {}

    async def current(self) -> str:
        """The hash of the policy that is current. Asked each time: it is pinned in what the first stage gives.

        Raises:
            Refusal: UNKNOWN_POLICY if none is; STORE_UNAVAILABLE.
        """
        current = await self._store.current()
        if current is None:
            raise Refusal(Kind.UNKNOWN_POLICY, "no policy has been applied yet")
        return current

    async def get(self, policy_hash: str) -> Policy:
        """The policy of that hash.

        Raises:
            Refusal: UNKNOWN_POLICY; STORE_UNAVAILABLE.
        """
        policy = self._parsed.get(policy_hash)
        if policy is None:
            document = await self._store.get(policy_hash)
            if document is None:
                raise Refusal(Kind.UNKNOWN_POLICY, "the policy this run was started under is unknown")
            if len(self._parsed) >= _KEPT:
                self._parsed.pop(next(iter(self._parsed)))
            try:
                policy = parse_policy(document)
            except PolicyError as error:  # of another release
                raise Refusal(Kind.UNKNOWN_POLICY, "the policy this run was started under can't be read") from error
            self._parsed[policy_hash] = policy
        return policy
