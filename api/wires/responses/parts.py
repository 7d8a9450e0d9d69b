"""Parts of a message's content in the responses API, translated in both directions."""

import mimetypes
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from api.wires.members import list_of
from api.wires.responses.fields import drop_members
from domain.inference.bodies.attachments import file_part, split_data_url
from domain.inference.bodies.values import text_of, wrong

_TEXTS: Final = frozenset({"input_text", "output_text", "text"})
_FILES: Final = frozenset({"input_image", "input_file"})
_LABELLED: Final = re.compile(r"(?P<label>[a-z][a-z0-9_]{0,31}\.[a-z][a-z_.]{0,31}):(?P<data>.*)\Z", re.DOTALL)


def read_parts(
    value: object, field: str, ignored: set[str], *, refusals: bool = False, files: bool = False
) -> list[dict[str, Any]]:
    """Return the parts of a content as parts of Assay's.

    Args:
        value: a list of parts.
        field: its place in the client's request.
        ignored: takes the names of members that are not read.
        refusals, files: available beside texts.

    Raises:
        Refusal: INVALID_REQUEST, with the part as the client named it.
    """

    def read(part: Mapping[str, Any], at: str) -> dict[str, Any]:
        kind = part.get("type")
        if kind == "refusal" and refusals:
            drop_members(part, kind, "input.content", ignored)
            return {"type": "refusal", "text": part.get("refusal")}
        if isinstance(kind, str) and kind in _FILES and files:
            return _image(part, at, ignored) if kind == "input_image" else _file(part, at, ignored)
        if not isinstance(kind, str) or kind not in _TEXTS:
            more = ", input_image and input_file are" if files else " is"
            raise wrong(f"{at}.type", f"is refused: only text{more} available here")
        drop_members(part, kind, "input.content", ignored)
        return {"type": "text", "text": part.get("text")}

    return list_of(value, field, read)


def _image(part: Mapping[str, Any], place: str, ignored: set[str]) -> dict[str, Any]:
    """Return the part for an image: its data, or an address, which Assay never fetches."""
    if part.get("file_id") is not None:
        raise wrong(f"{place}.file_id", "is refused: send the image's data")
    drop_members(part, "input_image", "input.content", ignored)
    field = f"{place}.image_url"
    url = text_of(part.get("image_url"), field)
    detail = {} if part.get("detail") is None else {"detail": part["detail"]}
    if not url.lower().startswith("data:"):
        return {"type": "image_address", "image_url": url, **detail}
    media_type, data = split_data_url(url, field)
    found = file_part(media_type, data, None, field)
    if found["type"] != "attachment":
        raise wrong(field, "must be an image")
    return {**found, **detail}


def _file(part: Mapping[str, Any], place: str, ignored: set[str]) -> dict[str, Any]:
    """Return the part for a file with its data: a document for a text, an attachment for an image."""
    for member in ("file_id", "file_url"):
        if part.get(member) is not None:
            raise wrong(f"{place}.{member}", "is refused: send the file's data")
    drop_members(part, "input_file", "input.content", ignored)
    field = f"{place}.file_data"
    name = None if part.get("filename") is None else text_of(part["filename"], f"{place}.filename")
    data = text_of(part.get("file_data"), field)
    if data.lower().startswith("data:"):
        media_type, data = split_data_url(data, field)
    else:
        media_type = mimetypes.guess_type(name or "")[0] or "application/octet-stream"
    return file_part(media_type, data, name or None, field)


def given_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a text, image or file of a request in the client's form."""
    detail = {"detail": part.get("detail") or "auto"}
    match part["type"]:
        case "attachment":
            return {"type": "input_image", "image_url": f"data:{part['media_type']};base64,{part['data']}", **detail}
        case "image_address":
            return {"type": "input_image", "image_url": part["image_url"], **detail}
        case "document":
            data = f"data:{part['media_type']};base64,{b64encode(part['text'].encode()).decode()}"
            named = {"filename": part["name"]} if "name" in part else {}
            return {"type": "input_file", **named, "file_data": data}
        case _:
            return {"type": "input_text", "text": part["text"]}


def reasoning_item(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a provider's reasoning as an item. Its label is before the data, to be known when it comes back."""
    texts = [*([part["text"]] if part.get("text") else []), *part.get("summary", ())]
    return {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in texts],
        "encrypted_content": f"{part['label']}:{part['data']}",
    }


def read_reasoning(item: Mapping[str, Any], place: str) -> dict[str, Any] | None:
    """Return the part for a reasoning item of ``reasoning_item``; None for any other.

    Raises:
        Refusal: INVALID_REQUEST, with the member of the item.
    """
    sealed = item.get("encrypted_content")
    match = _LABELLED.match(sealed) if isinstance(sealed, str) else None
    if match is None:
        return None
    found = list_of(item.get("summary", []), f"{place}.summary", lambda part, at: text_of(part.get("text"), at))
    text = {"text": "".join(found)} if found else {}
    return {"type": "opaque", "label": match["label"], "data": match["data"], **text}
