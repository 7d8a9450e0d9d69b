"""Checkpoints of the log and proofs of its entries, in standard text formats.

Formats of C2SP: signed-note, tlog-checkpoint and tlog-proof. Parsing accepts everything that the specifications allow,
but only canonical base64, so that formatting a parsed value gives the same text. Ed25519 verification is a parameter.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from domain.transparency.merkle import HASH_BYTES, verify_inclusion

PREVIOUS = "previous "
"""Start of the extension line with the previous checkpoint's size."""

PROOF_TYPE = "c2sp.org/tlog-proof@v1"
ED25519 = 1
"""The signature type of Ed25519 in key IDs and verifier keys (signed-note)."""

Verify = Callable[[bytes, bytes, bytes], bool]
"""Verification of an Ed25519 signature: ``(public_key, signature, message)``."""

_KEY_ID_BYTES, _KEY_BYTES = 4, 32
_MOST_SIGNATURES, _MOST_HASHES, _MOST_LEAVES = 64, 63, 1 << 63
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\u2014 "


class LogFormatError(ValueError):
    """A text has the wrong format. Names the part, and quotes nothing of it."""


class Unproven(ValueError):
    """A well-formed text is not proven. Has the reason."""


class UnknownLogKey(Unproven):
    """The log signed a note by an unknown version of its key. The known ones may be older."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of a note. ``key_id`` are 4 bytes that, with the name, identify the key."""

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        """Raise ``LogFormatError`` for an invalid key name."""
        _check_name(self.name)
        if len(self.key_id) != _KEY_ID_BYTES:
            raise LogFormatError("a key ID must have 4 bytes")


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its signatures. Ignore the text until one of them is verified."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 public key and its name in signatures."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Raise ``LogFormatError`` for an invalid name or key."""
        _check_name(self.name)
        if len(self.public_key) != _KEY_BYTES:
            raise LogFormatError("an Ed25519 public key must have 32 bytes")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tree head of the log ``origin``: the root of its tree of ``size`` leaves. Raises ``LogFormatError``."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See the class."""
        if not all(line and "\n" not in line for line in (self.origin, *self.extensions)):
            raise LogFormatError("the checkpoint has an empty line")
        _check_text("".join((self.origin, *self.extensions)))
        if not 0 <= self.size < _MOST_LEAVES:
            raise LogFormatError("the checkpoint's size is not a valid tree size")
        if len(self.root) != HASH_BYTES:
            raise LogFormatError("the checkpoint's root is not a SHA-256 hash")

    @property
    def previous(self) -> int | None:
        """Return the size of the log's checkpoint before, if this one has it."""
        named = [line.removeprefix(PREVIOUS) for line in self.extensions if line.startswith(PREVIOUS)]
        return int(named[0]) if named and _NUMBER.fullmatch(named[0]) else None

    def text(self) -> str:
        """Return the signed text."""
        return "\n".join((self.origin, str(self.size), _base64(self.root), *self.extensions, ""))


@dataclass(frozen=True, slots=True)
class Proof:
    """Inclusion proof of an entry in a log, verifiable with the log's key: see ``open_proof``.

    ``path`` goes from the leaf's sibling to the root's child, ``note`` is a signed checkpoint's text, ``extra`` is
    added by the log and not proven.
    """

    index: int
    path: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        """Raise ``LogFormatError`` for values without a text form."""
        if not 0 <= self.index < _MOST_LEAVES:
            raise LogFormatError("the proof's index is not a valid leaf index")
        if len(self.path) > _MOST_HASHES or any(len(sibling) != HASH_BYTES for sibling in self.path):
            raise LogFormatError("the proof's path is not a list of SHA-256 hashes")
        parse_checkpoint(parse_note(self.note).text)

    def text(self) -> str:
        """Return the proof as a file ``.tlog-proof``."""
        extra = () if self.extra is None else (f"extra {_base64(self.extra)}",)
        path = (_base64(sibling) for sibling in self.path)
        return "\n".join((PROOF_TYPE, *extra, f"index {self.index}", *path, "", self.note))


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the ID of an Ed25519 key in notes: 4 bytes."""
    return hashlib.sha256(name.encode() + b"\n" + bytes((ED25519,)) + public_key).digest()[:_KEY_ID_BYTES]


def vkey(name: str, public_key: bytes) -> str:
    """Return the verifier key to publish. Raises ``LogFormatError`` for an invalid name or key."""
    key = VerifierKey(name, public_key)
    return f"{name}+{key_id(name, public_key).hex()}+{_base64(bytes((ED25519,)) + key.public_key)}"


def parse_vkey(text: str) -> VerifierKey:
    """Parse a verifier key's name and public key. Raises ``LogFormatError``."""
    name, _, rest = text.partition("+")
    found_id, _, material = rest.partition("+")
    key = _decode(material, "the verifier key")
    if key[:1] != bytes((ED25519,)):
        raise LogFormatError("the verifier key is not of type Ed25519")
    found = VerifierKey(name, key[1:])
    if key_id(name, found.public_key).hex() != found_id:
        raise LogFormatError("the verifier key's ID does not match its key")
    return found


def signed_note(text: str, signatures: Iterable[Signature]) -> str:
    """Return the note of ``text``, which ends in a newline. Raises ``LogFormatError``, also without signatures."""
    if not text.endswith("\n"):
        raise LogFormatError("the note's text does not end in a newline")
    lines = [f"{_DASH}{made.name} {_base64(made.key_id + made.signature)}\n" for made in signatures]
    note = f"{text}\n{''.join(lines)}"
    parse_note(note)
    return note


def parse_note(text: str) -> Note:
    """Parse a note's text and signatures, without verification. Raises ``LogFormatError``."""
    _check_text(text)
    body, empty_line, rest = text.rpartition("\n\n")
    if not empty_line or not rest.endswith("\n"):
        raise LogFormatError("the note has no signatures after a blank line")
    lines = rest[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise LogFormatError("the note has too many signatures")
    return Note(f"{body}\n", tuple(_signature(line) for line in lines))


def parse_checkpoint(text: str) -> Checkpoint:
    """Parse the checkpoint in a note's text. Raises ``LogFormatError``."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop():  # noqa: PLR2004 - origin, size, root, and nothing after the last newline
        raise LogFormatError("the checkpoint does not have three lines")
    origin, size, root, *extensions = lines
    return Checkpoint(
        origin, _number(size, "the checkpoint's size"), _decode(root, "the checkpoint's root"), tuple(extensions)
    )


def parse_proof(text: str) -> Proof:
    """Parse a proof, without verification. Raises ``LogFormatError``."""
    head, _, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    if first != PROOF_TYPE:
        raise LogFormatError(f"the proof's first line is not {PROOF_TYPE}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _decode(lines.pop(0).removeprefix("extra "), "the proof's extra data")
    if not lines or not lines[0].startswith("index "):
        raise LogFormatError("the proof has no index")
    index = _number(lines.pop(0).removeprefix("index "), "the proof's index")
    return Proof(index, tuple(_decode(line, "the proof's path") for line in lines), note, extra)


def open_checkpoint(note: str, keys: Sequence[VerifierKey], verify: Verify) -> Checkpoint:
    """Return the checkpoint of a note, verified by every known key that signed it.

    Raises:
        LogFormatError: if it is not a signed checkpoint.
        Unproven: if the log's key did not sign it, or a signature by a known key is invalid.
        UnknownLogKey: if the log signed it by another version of the known key.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    known = {(key.name, key_id(key.name, key.public_key)): key for key in keys}
    signed = set[str]()
    for made in parsed.signatures:
        if key := known.get((made.name, made.key_id)):
            if not verify(key.public_key, made.signature, parsed.text.encode()):
                raise Unproven("a signature of the checkpoint is invalid")
            signed.add(key.name)
    if checkpoint.origin not in signed:
        named = any(made.name == checkpoint.origin for made in parsed.signatures)
        unproven = UnknownLogKey if named and any(key.name == checkpoint.origin for key in keys) else Unproven
        raise unproven("the checkpoint is not signed by a known key of its log")
    return checkpoint


def open_proof(proof: Proof, entry: bytes, keys: Sequence[VerifierKey], verify: Verify) -> Checkpoint:
    """Return the verified checkpoint of the log that ``proof`` proves ``entry`` to be in.

    Raises:
        LogFormatError, Unproven: see ``open_checkpoint``; and if the proof does not prove this entry.
    """
    checkpoint = open_checkpoint(proof.note, keys, verify)
    if not verify_inclusion(entry, proof.index, checkpoint.size, proof.path, checkpoint.root):
        raise Unproven("the proof does not prove this entry in this log")
    return checkpoint


def _signature(line: str) -> Signature:
    name, space, signature = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise LogFormatError("a signature line of the note is malformed")
    made = _decode(signature, "a signature")
    if len(made) <= _KEY_ID_BYTES:
        raise LogFormatError("a signature is too short")
    return Signature(name, made[:_KEY_ID_BYTES], made[_KEY_ID_BYTES:])


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LogFormatError("the text is not UTF-8") from None
    if _CONTROL.search(text):
        raise LogFormatError("the text contains control characters")


def _check_name(name: str) -> None:
    _check_text(name)
    if not name or "+" in name or any(character.isspace() for character in name):
        raise LogFormatError("a key name is empty, or contains spaces or a plus sign")


def _number(text: str, part: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise LogFormatError(f"{part} is not a decimal number")
    return int(text)


def _decode(text: str, part: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise LogFormatError(f"{part} is not base64") from None
    if _base64(data) != text:
        raise LogFormatError(f"{part} is not canonical base64")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
