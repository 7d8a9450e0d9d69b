"""Signing of starts as a team: outside of workflows, with access to keys and clocks."""

import hashlib
import hmac
import re
import secrets
import time
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from temporalio import activity

from assay_temporal import start_context
from assay_temporal.errors import NotLetIn
from assay_temporal.keyring import KeyRing, KeyUnavailable, derive
from assay_temporal.start_context import StartContext
from assay_temporal.starts import SIGN_ACTIVITY, SignedStart, StartToSign

RUN_ID_PURPOSE: Final = "assay/team-run-id/v1"
CONTEXT_SECONDS: Final = 300
"""Validity of a signed start: enough for a repeated workflow task or a short outage of a worker."""

_TENANT = re.compile(r"[a-z0-9-]{1,40}\Z")
_TAG_BYTES = 20


@dataclass(frozen=True, slots=True)
class Team:
    """A team of a tenant, by its registered name (``assay team create NAME --tenant ...``)."""

    tenant: str
    name: str

    def __post_init__(self) -> None:
        """Refuse an invalid tenant name.

        Raises:
            ValueError: a tenant name must have 1 to 40 characters of a-z, 0-9 and '-'.
        """
        if not _TENANT.match(self.tenant):
            raise ValueError("tenant: a tenant name must have 1 to 40 characters of a-z, 0-9 and '-'")


class Signer:
    """Signs starts with the tenant's key."""

    def __init__(
        self,
        team: Team,
        keyring: KeyRing,
        *,
        task_queue: str = "assay",
        endpoint: str | None = None,
        now: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Take the parts: ``task_queue`` or Nexus ``endpoint`` is Assay's, ``now`` returns seconds since the epoch."""
        self._team = team
        self._keyring = keyring
        self._task_queue = task_queue
        self._endpoint = endpoint
        self._now = now
        self._random_bytes = random_bytes

    def new_run_id(self) -> str:
        """Return an ID for a run that is not started yet: 160 random bits."""
        return self._run_id(self._random_bytes(_TAG_BYTES))

    async def run_id_of(self, *origin: str) -> str:
        """Return the ID of the run requested at ``origin``: deterministic and unguessable.

        Raises:
            KeyUnavailable: the tenant's key is unavailable.
        """
        key = derive(await self._keyring.current(self._team.tenant), RUN_ID_PURPOSE)
        digest = hmac.new(key, digestmod=hashlib.sha256)
        for part in origin:
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        return self._run_id(digest.digest()[:_TAG_BYTES])

    async def sign(self, run_id: str, request_hash: str) -> SignedStart:
        """Sign a start in the team's name, with the current policy.

        Raises:
            KeyUnavailable: the tenant's key is unavailable.
        """
        context = StartContext(
            tenant=self._team.tenant,
            subject="",
            client_id=self._team.name,
            roles=(),
            workflow_id=run_id,
            request_hash=request_hash,
            policy="",
            expires_at=int(self._now()) + CONTEXT_SECONDS,
        )
        signed = await start_context.sign(context, self._keyring)
        return SignedStart(run_id, signed, self._task_queue, self._endpoint)

    @activity.defn(name=SIGN_ACTIVITY)
    async def sign_start(self, start: StartToSign) -> SignedStart:
        """Sign a start for a workflow. Its run's ID depends on that workflow, its run and the call alone."""
        info = activity.info()
        origin = (info.workflow_namespace or "", info.workflow_id or "", info.workflow_run_id or "", start.call_id)
        try:
            return await self.sign(await self.run_id_of(*origin), start.request_hash)
        except KeyUnavailable as error:
            if not error.gone:
                raise
            raise NotLetIn from None

    def _run_id(self, tag: bytes) -> str:
        return f"inf.{self._team.tenant}.{b32encode(tag).decode().lower()}"
