"""Cosignatures of witnesses, and their request by a log: C2SP tlog-cosignature (Ed25519) and tlog-witness.

A witness signs a log's checkpoint after verifying that it extends the last one it signed. A cosigned checkpoint proves
that the witness saw no other log under this name.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence

from domain.transparency.checkpoints import (
    LogFormatError,
    Signature,
    Unproven,
    VerifierKey,
    Verify,
    parse_note,
    signed_note,
)

ED25519_COSIGNATURE = 4
"""The signature type of timestamped Ed25519 cosignatures."""

_ID_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 4, 8, 64
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n")


class WitnessSize(Exception):
    """The witness's last checkpoint of this log has a different ``size``."""

    def __init__(self, size: int) -> None:
        super().__init__("the witness has a different size")
        self.size = size


class WitnessRefuses(Exception):
    """The witness does not know the log or its key, or rejects the proof. ``status`` is HTTP's."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the witness refused with status {status}")
        self.status = status


def cosigner_id(name: str, public_key: bytes) -> bytes:
    """Return the ID of a cosigner's key in notes: 4 bytes."""
    return hashlib.sha256(name.encode() + b"\n" + bytes((ED25519_COSIGNATURE,)) + public_key).digest()[:_ID_BYTES]


def cosigner_vkey(key: VerifierKey) -> str:
    """Return the verifier key of a cosigner to publish."""
    material = base64.b64encode(bytes((ED25519_COSIGNATURE,)) + key.public_key).decode()
    return f"{key.name}+{cosigner_id(key.name, key.public_key).hex()}+{material}"


def parse_cosigner(text: str) -> VerifierKey:
    """Parse a cosigner's name and key from its verifier key. Raises ``LogFormatError``."""
    name, _, rest = text.partition("+")
    found_id, _, material = rest.partition("+")
    try:
        key = base64.b64decode(material, validate=True)
    except (binascii.Error, ValueError):
        raise LogFormatError("the witness's verifier key is not base64") from None
    if key[:1] != bytes((ED25519_COSIGNATURE,)):
        raise LogFormatError("the witness's verifier key is not of type Ed25519 cosignature (4)")
    found = VerifierKey(name, key[1:])
    if cosigner_id(name, found.public_key).hex() != found_id:
        raise LogFormatError("the ID of the witness's verifier key does not match its key")
    return found


def cosigned_message(text: str, timestamp: int) -> bytes:
    """Return the message that a cosigner signs for a checkpoint's text, at ``timestamp`` (POSIX seconds)."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def submission(old_size: int, path: Sequence[bytes], note: str) -> bytes:
    """Return the body of ``add-checkpoint``: the witness's last size, the proof from there, the signed checkpoint."""
    proof = "".join(f"{base64.b64encode(sibling).decode()}\n" for sibling in path)
    return f"old {old_size}\n{proof}\n{note}".encode()


def parse_size(body: str) -> int:
    """Parse the size in a witness's answer 409. Raises ``LogFormatError``."""
    found = _SIZE.fullmatch(body)
    if found is None:
        raise LogFormatError("the witness's size is not a decimal number")
    return int(found[1])


def cosigned(note: str, answer: str, cosigner: VerifierKey, verify: Verify) -> str:
    """Return the line to add to a note from a witness's answer, newline included. Others' lines are ignored.

    Raises:
        LogFormatError: the answer has no signature lines.
        Unproven: none of them is this cosigner's, or it is invalid.
    """
    text = parse_note(note).text
    answered = parse_note(f"{text}\n{answer}")
    if answered.text != text:
        raise LogFormatError("the witness's answer is not a list of signature lines")
    mine = [
        made
        for made in answered.signatures
        if (made.name, made.key_id) == (cosigner.name, cosigner_id(cosigner.name, cosigner.public_key))
    ]
    if not mine:
        raise Unproven("the witness did not sign")
    check_cosignature(text, mine[0], cosigner, verify)
    return signed_note(text, mine[:1]).removeprefix(f"{text}\n")


def check_cosignature(text: str, made: Signature, cosigner: VerifierKey, verify: Verify) -> int:
    """Return the time (POSIX seconds) of a valid cosignature. Raises ``Unproven``."""
    timestamp = int.from_bytes(made.signature[:_TIME_BYTES], "big")
    if len(made.signature) != _TIME_BYTES + _SIGNATURE_BYTES or not 0 < timestamp < 1 << 63:
        raise Unproven("the cosignature has no time")
    if not verify(cosigner.public_key, made.signature[_TIME_BYTES:], cosigned_message(text, timestamp)):
        raise Unproven("the cosignature is invalid")
    return timestamp
