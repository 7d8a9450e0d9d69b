"""Images and files of chat completions as parts of a body."""

import mimetypes
from collections.abc import Mapping
from typing import Any

from api.wires.members import drop_others, object_of
from domain.inference.bodies.attachments import file_part, split_data_url
from domain.inference.bodies.values import text_of, wrong


def image_of(part: Mapping[str, Any], place: str, ignored: set[str]) -> dict[str, Any]:
    """Return the part for an ``image_url``: data, or an address, which Assay never fetches.

    Raises:
        Refusal: INVALID_REQUEST.
    """
    image = part.get("image_url")
    if isinstance(image, str):
        image = {"url": image}
    field = f"{place}.image_url"
    item = object_of(image, field)
    drop_others(item, frozenset({"url", "detail"}), "messages.content.image_url", ignored)
    url = text_of(item.get("url"), f"{field}.url")
    detail = {} if item.get("detail") is None else {"detail": item["detail"]}
    if not url.lower().startswith("data:"):
        return {"type": "image_address", "image_url": url, **detail}
    media_type, data = split_data_url(url, f"{field}.url")
    found = file_part(media_type, data, None, f"{field}.url")
    if found["type"] != "attachment":
        raise wrong(f"{field}.url", "must be an image")
    return {**found, **detail}


def file_of(part: Mapping[str, Any], place: str, ignored: set[str]) -> dict[str, Any]:
    """Return the part for a ``file`` with its data: a document for a text, an attachment for an image.

    Raises:
        Refusal: INVALID_REQUEST, also for a file at the provider, which no guard has seen.
    """
    field = f"{place}.file"
    item = object_of(part.get("file"), field)
    if item.get("file_id") is not None:
        raise wrong(f"{field}.file_id", "is refused: send the file's data")
    drop_others(item, frozenset({"file_data", "filename", "file_id"}), "messages.content.file", ignored)
    name = None if item.get("filename") is None else text_of(item["filename"], f"{field}.filename")
    data = text_of(item.get("file_data"), f"{field}.file_data")
    if data.lower().startswith("data:"):
        media_type, data = split_data_url(data, f"{field}.file_data")
    else:
        media_type = mimetypes.guess_type(name or "")[0] or "application/octet-stream"
    return file_part(media_type, data, name or None, f"{field}.file_data")
