"""Witness of the log over HTTP (C2SP tlog-witness). Only a verified signature in its answer counts."""

from types import TracebackType
from typing import Self

import httpx2

from adapters.http.bounded import BodyTooLong, BoundedTransport
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import VerifierKey, Verify
from domain.transparency.cosignatures import WitnessRefuses, WitnessSize, cosigned, parse_size, submission

_MAX_ANSWER_BYTES = 16 * 1024
_CONFLICT, _OK = 409, 200


class HttpWitness:
    """``CheckpointWitness`` over HTTP."""

    def __init__(self, url: str, cosigner: VerifierKey, verify: Verify, *, timeout_seconds: float = 5.0) -> None:
        """Take its submission prefix and its key. Nothing connects yet."""
        self._cosigner = cosigner
        self._verify = verify
        self._http = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            transport=BoundedTransport(httpx2.AsyncHTTPTransport(trust_env=False), max_bytes=_MAX_ANSWER_BYTES),
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @property
    def cosigner(self) -> str:
        """See ``CheckpointWitness``."""
        return self._cosigner.name

    async def add_checkpoint(self, old_size: int, path: list[bytes], note: str) -> str:
        """See ``CheckpointWitness``."""
        content = submission(old_size, path, note)
        try:
            try:
                answer = await self._http.post("/add-checkpoint", content=content)
            except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
                # a kept connection may die between two requests; a witness that has cosigned reports that
                answer = await self._http.post("/add-checkpoint", content=content)
        except (httpx2.HTTPError, BodyTooLong):
            raise Refusal(Kind.STORE_UNAVAILABLE, "the witness can't be reached", retry_after=1.0) from None
        if answer.status_code == _CONFLICT:
            raise WitnessSize(parse_size(answer.text))
        if answer.status_code == _OK:
            return cosigned(note, answer.text, self._cosigner, self._verify)
        if answer.is_server_error:
            raise Refusal(Kind.STORE_UNAVAILABLE, "the witness can't serve requests", retry_after=1.0)
        raise WitnessRefuses(answer.status_code)
