"""Keys of placeholders: one for each conversation of a caller, which is known by its first message of a user.

Clients send a whole conversation with each request, and name it at best in headers. With a key of the caller alone, a
provider could recognise a caller's data, and so the caller, in all conversations; within one it sees the same messages
again anyway. A conversation that is shortened at its beginning gets another key.
"""

import hashlib
import hmac
from typing import Final

from domain.inference.content import Speaker
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of

_PURPOSE: Final = b"assay/conversation/v1"


def conversation_key(tenant_key: bytes, caller: str, request: InferenceRequest) -> bytes:
    """Return 32 bytes for a caller's conversation: HMAC-SHA-256 (RFC 2104) over the texts that a user began it with."""
    said = [text for text in texts_of(request) if text.role is Speaker.USER]
    texts = [text.text for text in said if text.address.message == said[0].address.message]
    made = hmac.new(tenant_key, _PURPOSE, hashlib.sha256)
    for part in (caller, *texts):
        encoded = part.encode("utf-8", "surrogatepass")
        made.update(len(encoded).to_bytes(8, "big"))
        made.update(encoded)
    return made.digest()
