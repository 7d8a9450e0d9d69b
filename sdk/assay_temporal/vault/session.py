"""Session of a process with Vault: logs in, renews, and recovers by itself.

One owner task logs in, renews the token at half its life, and publishes an immutable client per token. Calls run in a
bounded pool of threads with a deadline. While Vault is known to be unavailable, calls are refused at once and the owner
keeps probing, so that an outage costs no timeout per call.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, ParamValidationError, VaultError
from requests import RequestException

from assay_temporal.backoff import Backoff
from assay_temporal.vault.client import AppRoleFiles, VaultAway, VaultPlace, new_client, reason_of
from assay_temporal.vault.login import AppRoleLogin, LoginImpossible, VaultToken

T = TypeVar("T")
_log = logging.getLogger(__name__)
_PROBE_SECONDS = 2.0
_CALLS_OF_A_LOGIN = 3  # look up the wrapping token, unwrap, log in
_CALLERS_FAULT = (InvalidPath, InvalidRequest, ParamValidationError)


@dataclass(frozen=True, slots=True)
class _Generation:
    """One token: its number, client, initial lifetime, and time of the next check (monotonic seconds)."""

    number: int
    client: hvac.Client
    life: float
    renew_at: float
    renewable: bool


class VaultSession:
    """Session with Vault: see the module. It has a name and a check, for readiness."""

    def __init__(
        self,
        place: VaultPlace,
        approle: AppRoleFiles,
        *,
        threads: int = 8,
        monotonic: Callable[[], float] = time.monotonic,
        login: AppRoleLogin | None = None,
    ) -> None:
        """Take the parts; nothing connects before ``start``. ``threads`` limits the calls in flight."""
        self._place = place
        self._threads = threads
        self._monotonic = monotonic
        self._login = login or AppRoleLogin(place, approle)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="vault")
        self._generation: _Generation | None = None
        self._away: str | None = "not logged in yet"
        self._changed = asyncio.Condition()
        self._nudge = asyncio.Event()
        self._looks_begun = 0
        self._looks_passed = 0
        self._served_at = monotonic()
        self._owner: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """``vault``."""
        return "vault"

    @property
    def generation(self) -> int:
        """Return the number of the current token, 0 before the first. Leases end with their token."""
        return self._generation.number if self._generation else 0

    async def start(self, wait_seconds: float = 5.0) -> None:
        """Start the owner, and wait at most so long for the first login. Returns in any case: see ``check``."""
        if self._owner is None:
            self._owner = asyncio.create_task(self._own(), name="vault-session")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await self.next_generation(0)

    async def next_generation(self, after: int) -> int:
        """Wait for a token newer than ``after``; return its number."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.generation > after)
        return self.generation

    async def call(self, fn: Callable[[hvac.Client], T]) -> T:
        """Run ``fn`` in a thread, with the client of the current token. It may run twice, so it should be idempotent.

        Raises:
            VaultAway: Vault is unreachable, sealed, too slow, or denies it.
            InvalidPath, InvalidRequest, ParamValidationError: hvac's, for what the call itself did wrong. They quote
                Vault's text, which may quote what was sent. ``fn`` may catch them, and others of Vault's.
        """
        return await self._call(self._threaded(fn))

    async def _call(self, ask: Callable[[hvac.Client], Awaitable[T]]) -> T:
        generation = self._generation
        if generation is None or self._away is not None:
            self._nudge.set()
            raise VaultAway(*self._known())
        try:
            return await self._attempt(generation, ask)
        except Forbidden:
            renewed = await self._replacement(generation)
        try:
            return await self._attempt(renewed, ask)
        except Forbidden:
            raise VaultAway("the key store denies it") from None

    def require_available(self) -> None:
        """Raise while Vault is known to be unavailable: known within seconds, by the session's probes.

        Raises:
            VaultAway: with the reason.
        """
        if self._generation is None or self._away is not None:
            raise VaultAway(*self._known())

    async def check(self) -> None:
        """Check that Vault is active, unsealed, and accepts the session's token.

        Raises:
            VaultAway: with the reason if known.
        """
        if self._away is not None:
            raise VaultAway(self._away)
        await self._call(self._threaded(_look_up))

    async def close(self) -> None:
        """Stop, and revoke the token, with which its leases end. Limited to twice the timeout."""
        if self._owner is not None:
            self._owner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._owner
        generation, self._generation = self._generation, None
        self._away = "closed"
        if generation is not None:
            with contextlib.suppress(VaultAway, VaultError):
                await self._attempt(generation, self._threaded(lambda client: client.auth.token.revoke_self()))
            generation.client.adapter.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _attempt(self, generation: _Generation, ask: Callable[[hvac.Client], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._place.timeout_seconds):
                answer = await ask(generation.client)
        except (Forbidden, *_CALLERS_FAULT):
            raise
        except (VaultError, RequestException, TimeoutError) as error:
            self._nudge.set()
            raise VaultAway(reason_of(error)) from None
        self._served_at = self._monotonic()
        return answer

    def _known(self) -> tuple[str, ...]:
        """Return the reason of the unavailability, if it is known."""
        return () if self._away is None else (self._away,)

    def _threaded(self, fn: Callable[[hvac.Client], T]) -> Callable[[hvac.Client], Awaitable[T]]:
        return lambda client: asyncio.get_running_loop().run_in_executor(self._pool, fn, client)

    async def _replacement(self, refused: _Generation) -> _Generation:
        """Return the generation to retry with after a 403, once the owner has checked.

        An expired token and a denial by policy look the same; only the token's validity distinguishes them.
        """
        asked = self._looks_begun
        self._nudge.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._place.timeout_seconds), self._changed:
                await self._changed.wait_for(lambda: self.generation > refused.number or self._looks_passed > asked)
        current = self._generation
        if current is not None and current.number > refused.number:
            return current
        if self._looks_passed > asked:
            _log.error(
                "vault.forbidden",
                extra={"meaning": "the policy of this process's AppRole does not allow a required call"},
            )
        raise VaultAway("the key store denies it")

    async def _log_in(self) -> None:
        """Log in and publish the client.

        Raises:
            VaultAway: with the reason in ``_away``.
        """
        try:
            async with asyncio.timeout(self._place.timeout_seconds * _CALLS_OF_A_LOGIN):
                token = await asyncio.get_running_loop().run_in_executor(self._pool, self._login.login)
        except LoginImpossible as error:
            self._set_away(str(error))
            raise VaultAway("the key store rejects this process's login") from None
        except (VaultError, RequestException, TimeoutError) as error:
            self._set_away(reason_of(error))
            raise VaultAway(reason_of(error)) from None
        self._publish(token)

    def _publish(self, token: VaultToken) -> None:
        previous = self._generation
        client = new_client(self._place, token.value, connections=self._threads)
        renew_at = self._monotonic() + token.lease_seconds / 2
        self._generation = _Generation(self.generation + 1, client, token.lease_seconds, renew_at, token.renewable)
        self._served_at = self._monotonic()
        if previous is not None:  # its token expires by itself: revoking it now would end its leases
            previous.client.adapter.close()

    def _set_away(self, reason: str | None) -> None:
        if reason != self._away:
            self._away = reason
            if reason is None:
                _log.info("vault.available", extra={"generation": self.generation})
            else:
                _log.warning("vault.unavailable", extra={"reason": reason})

    async def _own(self) -> None:
        """Maintain a valid token, and Vault's known availability, until cancelled."""
        backoff = Backoff()
        while True:
            try:
                await self._look_after()
                backoff.reset()
            except VaultAway:
                await asyncio.sleep(backoff.next())
                continue
            await self._until_due()

    async def _until_due(self) -> None:
        """Wait for the token's renewal, a failed call, or a pause without successful calls.

        Each successful call replaces a probe.
        """
        while (due := self._due_in()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due):
                    await self._nudge.wait()
                    return

    def _due_in(self) -> float:
        if self._generation is None:
            return 0.0
        return min(self._generation.renew_at, self._served_at + _PROBE_SECONDS) - self._monotonic()

    async def _look_after(self) -> None:
        """Log in, renew or probe, as is due.

        Raises:
            VaultAway: try again soon.
        """
        self._nudge.clear()
        self._looks_begun += 1
        look = self._looks_begun
        generation = self._generation
        try:
            if generation is None or (self._due(generation) and not generation.renewable):
                await self._log_in()
            elif self._due(generation):
                await self._renew(generation)
            else:
                await self._attempt(generation, self._threaded(_look_up))
        except Forbidden:
            await self._log_in()
        except (VaultAway, *_CALLERS_FAULT) as error:
            if self._away is None:
                self._set_away(reason_of(error))
            raise VaultAway(*self._known()) from None
        self._looks_passed = look
        self._set_away(None)
        async with self._changed:
            self._changed.notify_all()

    def _due(self, generation: _Generation) -> bool:
        return self._monotonic() >= generation.renew_at

    async def _renew(self, generation: _Generation) -> None:
        renew = self._threaded(lambda client: VaultToken.of(client.auth.token.renew_self()))
        token = await self._attempt(generation, renew)
        if token.lease_seconds < generation.life / 2:  # it nears its maximum lifetime, which no renewal extends
            await self._log_in()
            return
        self._generation = replace(generation, renew_at=self._monotonic() + token.lease_seconds / 2)


def _look_up(client: hvac.Client) -> object:
    return client.auth.token.lookup_self()
