"""Images and files of a body: data in base64 (RFC 4648 section 4), checked by size and by the file's first bytes.

Bytes stay in the body. A request names them by their SHA-256, so that no stage but the call of a model carries them.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from domain.inference.bodies.values import BodyField, text_of, wrong
from domain.inference.content import Attachment
from domain.inference.requests import InferenceRequest, RequestLimits
from domain.inference.texts import unread_of

_WEBP: Final = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
_SIGNATURES: Final[Mapping[str, re.Pattern[bytes]]] = MappingProxyType(
    {
        "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
        "image/jpeg": re.compile(rb"\xff\xd8\xff"),
        "image/gif": re.compile(rb"GIF8[79]a"),
        "image/webp": _WEBP,
    }
)
"""Media types of images, with the beginnings of their files."""
IMAGE_TYPES: Final = tuple(_SIGNATURES)
_TEXT_TYPES: Final = frozenset(
    {
        *("application/json", "application/ld+json", "application/x-ndjson", "application/jsonl", "application/xml"),
        *("application/yaml", "application/x-yaml", "application/toml", "application/javascript", "application/sql"),
        *("application/typescript", "application/x-sh", "application/x-python", "application/graphql"),
    }
)
_DATA_URL: Final = re.compile(r"data:(?P<type>[^,;]*)(?P<parameters>(?:;[^,;]*)*),", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?(?:[/?][!-~]{0,2000})?\Z")
_LONGEST_TYPE: Final = 127
_PER_GROUP: Final = 4, 3  # characters of base64, bytes
MAX_FILE_NAME_CHARS: Final = 255


def _image_type(value: object, field: str, _: RequestLimits) -> str:
    media_type = text_of(value, field)
    if media_type not in _SIGNATURES:
        raise wrong(field, f"must be one of: {', '.join(IMAGE_TYPES)}")
    return media_type


def _data(value: object, field: str, limits: RequestLimits) -> str:
    data = text_of(value, field)
    if limits.content.images == 0:
        raise wrong(field, "is refused: images are not available by the policy")
    characters, size = _PER_GROUP
    if len(data) > limits.content.image_bytes * characters // size + characters:
        raise wrong(field, f"must have at most {limits.content.image_bytes} bytes")
    _decoded(data, field)
    return data


def _decoded(data: str, field: str) -> bytes:
    try:
        return b64decode(data.encode("ascii"), validate=True)
    except (Base64Error, ValueError):  # UnicodeEncodeError is a ValueError
        raise wrong(field, "must be base64 with its padding, and nothing else") from None


def require_image(media_type: str, data: str, field: str, limits: RequestLimits) -> None:
    """Require the beginning of an image of the type, and a length within the policy.

    Raises:
        Refusal: INVALID_REQUEST.
    """
    image = _decoded(data, field)
    if len(image) > limits.content.image_bytes:
        raise wrong(field, f"must have at most {limits.content.image_bytes} bytes")
    if not _SIGNATURES[media_type].match(image):
        raise wrong(field, f"is no image of the type {media_type}")


def _address(value: object, field: str, limits: RequestLimits) -> str:
    url = text_of(value, field)
    if not limits.content.image_addresses:
        raise wrong(field, "is refused: send the image's data; the policy forwards no addresses")
    if not _ADDRESS.match(url):
        raise wrong(field, "must begin with https:// and a host, have no credentials, and at most 2,000 characters")
    return url


def _file_name(value: object, field: str, _: RequestLimits) -> str:
    name = text_of(value, field)
    if not 1 <= len(name) <= MAX_FILE_NAME_CHARS:
        raise wrong(field, f"must have 1 to {MAX_FILE_NAME_CHARS} characters")
    return name


IMAGE_TYPE: Final = BodyField(_image_type, {"type": "string", "enum": list(IMAGE_TYPES)})
IMAGE_DATA: Final = BodyField(_data, {"type": "string", "contentEncoding": "base64"})
IMAGE_URL: Final = BodyField(_address, {"type": "string", "format": "uri"})
FILE_NAME: Final = BodyField(_file_name, {"type": "string", "minLength": 1, "maxLength": MAX_FILE_NAME_CHARS})


def attachment_of(item: Mapping[str, Any]) -> Attachment:
    """Return the attachment of a part that was read: with the digest in place of its data."""
    image = b64decode(item["data"])
    return Attachment(
        hashlib.sha256(image).hexdigest(),
        item["media_type"],
        size=len(image),
        name=item.get("name"),
        detail=item.get("detail"),
        cache=item.get("cache"),
    )


def data_of(body: object) -> tuple[tuple[str, str], ...]:
    """Return the data of a body's attachments in base64 by their digests, each once. None of a malformed body."""
    found: dict[str, str] = {}
    for part in _attachments(body):
        data = part.get("data")
        if isinstance(data, str):
            try:
                found[hashlib.sha256(b64decode(data)).hexdigest()] = data
            except ValueError:
                continue
    return tuple(found.items())


def _attachments(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the attachments of messages and of results within them."""
    messages = value.get("messages") if isinstance(value, Mapping) else None
    for message in messages if isinstance(messages, list | tuple) else ():
        yield from _within(message)


def _within(holder: object) -> Iterator[Mapping[str, Any]]:
    parts = holder.get("content") if isinstance(holder, Mapping) else None
    for part in parts if isinstance(parts, list | tuple) else ():
        if isinstance(part, Mapping) and part.get("type") == "attachment":
            yield part
        elif isinstance(part, Mapping) and part.get("type") == "tool_result":
            yield from _within(part)


def require_data(request: InferenceRequest, data: tuple[tuple[str, str], ...]) -> None:
    """Require the data of the request's attachments, and no others, by their digests.

    Raises:
        ValueError: some are missing, or have another digest.
    """
    wanted = {item.digest for _, item in unread_of(request) if isinstance(item, Attachment)}
    if {digest for digest, _ in data} != wanted:
        raise ValueError("the data are of other attachments")
    if any(hashlib.sha256(b64decode(text)).hexdigest() != digest for digest, text in data):
        raise ValueError("the data of an attachment have another digest")


def split_data_url(value: object, field: str) -> tuple[str, str]:
    """Return the media type of a ``data:`` URL (RFC 2397) and its data in base64.

    Raises:
        Refusal: INVALID_REQUEST.
    """
    url = text_of(value, field)
    match = _DATA_URL.match(url)
    if match is None or len(match["type"]) > _LONGEST_TYPE:
        raise wrong(field, "must be a data: URL")
    data = url[match.end() :]
    if "base64" not in match["parameters"].lower().split(";"):
        data = b64encode(unquote_to_bytes(data)).decode()
    return match["type"].lower() or "text/plain", data


def file_part(media_type: str, data: str, name: str | None, field: str) -> dict[str, Any]:
    """Return the body's part for a file: an attachment for an image, a document for a text.

    Args:
        media_type: as the client named it, with or without parameters.
        data: base64.
        name: of the file.
        field: where the client has the file.

    Raises:
        Refusal: INVALID_REQUEST for a file of another kind, or a text that is not UTF-8.
    """
    kind = media_type.partition(";")[0].strip().lower()
    named = {} if name is None else {"name": name}
    if kind in _SIGNATURES:
        return {"type": "attachment", "media_type": kind, "data": data, **named}
    if not (kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+json", "+xml"))):
        raise wrong(field, "is refused: only images (PNG, JPEG, GIF, WebP) and files of text are available")
    try:
        text = _decoded(data, field).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise wrong(field, "must be a text in UTF-8") from None
    return {"type": "document", "text": text, "media_type": kind, **named}
