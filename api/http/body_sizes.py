"""Limits of bodies by route: conversations of agents have megabytes, everything else is short."""

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.codec.routes import DECODE_BODY_BYTES
from domain.refusals import Kind, Refusal

_CONVERSATIONS: Final = frozenset(
    {
        "/v1/inferences",
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/embeddings",
    }
)
_MOST_DIGITS = 18  # more is no length, and int() refuses thousands of them


@dataclass(frozen=True, slots=True)
class BodySizes:
    """Maximum bytes of a body: ``conversation`` on the routes that take one, ``others`` elsewhere."""

    others: int
    conversation: int

    def of(self, path: str) -> int:
        """Return the maximum for a path."""
        if path in _CONVERSATIONS:
            return self.conversation
        return max(self.others, DECODE_BODY_BYTES) if path == "/codec/decode" else self.others


class BodyLimit:
    """Limits bodies by path, whatever ``Content-Length`` claims."""

    def __init__(self, app: ASGIApp, sizes: BodySizes) -> None:
        self._app = app
        self._sizes = sizes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI 3.0 connection. Reading beyond the limit raises a Refusal (BODY_TOO_LARGE) in the reader."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._sizes.of(scope["path"])
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        too_much = declared.isdigit() and (len(declared) > _MOST_DIGITS or int(declared) > most)
        seen = most + 1 if too_much else 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise Refusal(Kind.BODY_TOO_LARGE, f"the body must have at most {most} bytes")
            return message

        await self._app(scope, bounded, send)
