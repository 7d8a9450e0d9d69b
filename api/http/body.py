"""Strict parsing of JSON bodies, after authentication and before any use."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, TypeVarTuple

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.http.headers import media_type
from domain.inference.bodies.values import characters_of
from domain.refusals import Kind, Refusal
from domain.text.strict_json import MOST_DEPTH, MOST_VALUES, TooComplex, read_strictly, require_bounded

Body = TypeVar("Body", bound=BaseModel)
Given = TypeVarTuple("Given")
Found = TypeVar("Found")

_MAX_NAME = 64
_MOST_IN_LOOP: Final = 32_768
"""Bytes of the longest body that is parsed in the event loop: about half a millisecond."""


async def read_json(request: Request) -> Any:  # noqa: ANN401 - any JSON
    """Read and decode the body.

    Raises:
        Refusal: UNSUPPORTED_MEDIA, MALFORMED_BODY; INVALID_REQUEST for a second Content-Type.
    """
    if media_type(request) != "application/json":
        raise Refusal(Kind.UNSUPPORTED_MEDIA, "send 'Content-Type: application/json'")
    body = await request.body()
    try:
        return _read(body) if len(body) <= _MOST_IN_LOOP else await asyncio.to_thread(_read, body)
    except TooComplex:
        detail = f"the body must have at most {MOST_VALUES} values, nested at most {MOST_DEPTH} deep"
        raise Refusal(Kind.MALFORMED_BODY, detail) from None
    except (ValueError, RecursionError):
        raise Refusal(Kind.MALFORMED_BODY, "the body is not well-formed JSON (UTF-8, no duplicate names)") from None


async def beside_loop(body: object, work: Callable[[*Given], Found], *args: *Given) -> Found:
    """Return the result of ``work`` on a decoded body: of a long one from a thread."""
    if characters_of(body) <= _MOST_IN_LOOP:
        return work(*args)
    return await asyncio.to_thread(work, *args)


def _read(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    require_bounded(body)
    return read_strictly(body)


def checked(model: type[Body], value: object) -> Body:
    """Validate ``value`` as a body of the given model.

    Raises:
        Refusal: INVALID_REQUEST, naming the first invalid field and never its value.
    """
    if not isinstance(value, dict):
        raise Refusal(Kind.INVALID_REQUEST, "the body must be a JSON object", field="")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        location = [*first["loc"]]
        cause = first.get("ctx", {}).get("error")
        if (named := getattr(cause, "field", None)) is not None:
            location.append(named)
        raise Refusal(Kind.INVALID_REQUEST, _say(first["type"], first["msg"]), field=_dotted(location)) from None


def _dotted(location: list[int | str]) -> str:
    """Join a field's name. Unknown names are omitted, since a name could itself be a secret."""
    return ".".join(
        str(part)
        if isinstance(part, int) or (part.isascii() and part.isidentifier() and len(part) <= _MAX_NAME)
        else "*"
        for part in location
    )


def _say(error_type: str, message: str) -> str:
    match error_type:
        case "extra_forbidden":
            return "is unknown"
        case "missing":
            return "is required"
        case _:
            return message.removeprefix("Value error, ")


def json_body(model: type[Body]) -> Callable[..., Awaitable[tuple[Body, dict[str, Any]]]]:
    """Make a dependency that returns the body as ``model`` and as sent.

    A route declares it after its caller: FastAPI keeps that order, so the caller is authenticated before the body is
    read.
    """

    async def dependency(request: Request) -> tuple[Body, dict[str, Any]]:
        value = await read_json(request)
        return checked(model, value), value

    return dependency
