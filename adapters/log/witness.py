"""A witness of the log over HTTP (C2SP tlog-witness). Of what it answers only the signature counts, once verified."""

from types import TracebackType
from typing import Self

import httpx2

from adapters.http.bounded import BodyTooLong, BoundedTransport
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import VerifierKey, Verify
from domain.transparency.cosignatures import cosigned, parse_size, submission

_MAX_ANSWER_BYTES = 16 * 1024
_CONFLICT, _OK = 409, 200


class WitnessSize(Exception):
    """The witness's last checkpoint of this log has another ``size``."""

    def __init__(self, size: int) -> None:
        super().__init__("the witness has another size")
        self.size = size


class WitnessRefuses(Exception):
    """The witness does not know the log or its key, or does not accept the proof. ``status`` is HTTP's."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the witness refuses with {status}")
        self.status = status


class HttpWitness:
    """One witness."""

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
        """The name under which it signs."""
        return self._cosigner.name

    async def add_checkpoint(self, old_size: int, path: list[bytes], note: str) -> str:
        """Submit a checkpoint with the proof from the witness's last one; its signature line, which is verified.

        Raises:
            WitnessSize: its last checkpoint has another size: prove from there.
            WitnessRefuses: it does not accept this.
            LogFormatError, Unproven: its answer is not what it should be.
            Refusal: STORE_UNAVAILABLE if it is away.
        """
        content = submission(old_size, path, note)
        try:
            try:
                answer = await self._http.post("/add-checkpoint", content=content)
            except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
                # a kept connection may die between two requests; a witness that has cosigned says so
                answer = await self._http.post("/add-checkpoint", content=content)
        except (httpx2.HTTPError, BodyTooLong):
            raise Refusal(Kind.STORE_UNAVAILABLE, "the witness can't be reached", retry_after=1.0) from None
        if answer.status_code == _CONFLICT:
            raise WitnessSize(parse_size(answer.text))
        if answer.status_code == _OK:
            return cosigned(note, answer.text, self._cosigner, self._verify)
        if answer.is_server_error:
            raise Refusal(Kind.STORE_UNAVAILABLE, "the witness can't serve", retry_after=1.0)
        raise WitnessRefuses(answer.status_code)
