"""Services for payloads in plaintext: decoding, and browser sessions for Temporal's UI."""

from dataclasses import dataclass

from api.codec.decoding import PayloadDecoder
from services.browser_sessions import Sessions


@dataclass(frozen=True)
class CodecServices:
    """Services of the routes below ``/codec``.

    Attributes:
        decoder: decodes payloads.
        sessions: tickets, and the sessions that they open.
        session_seconds: lifetime of a session.
        ui_origin: the origin of Temporal's UI. None if none is configured.
        secure_cookie: browsers send the session's cookie over TLS only.
        namespace: the namespace of Assay's runs.
    """

    decoder: PayloadDecoder
    sessions: Sessions
    session_seconds: int
    ui_origin: str | None
    secure_cookie: bool
    namespace: str
