"""Calls of the SDKs of OpenAI and Anthropic: whole, as raw events, by the helper of streams, parsed."""

import asyncio
import inspect
from operator import attrgetter
from typing import Any

import anthropic
import openai
from asked import serve
from pydantic import BaseModel


class Pair(BaseModel):
    """An answer with a form."""

    z: int
    a: str


CLIENTS = {
    "openai": (openai.OpenAI, openai.AsyncOpenAI),
    "anthropic": (anthropic.Anthropic, anthropic.AsyncAnthropic),
}
FORMAT_OF = {"chat.completions": "response_format", "responses": "text_format", "messages": "output_format"}
PARSED_OF = {
    "chat.completions": lambda final: final.choices[0].message.parsed,
    "responses": attrgetter("output_parsed"),
    "messages": attrgetter("parsed_output"),
}
FINAL_OF = {
    "chat.completions": "get_final_completion",
    "responses": "get_final_response",
    "messages": "get_final_message",
}


def connected(package: str, base_url: str, key: str, retries: int | None, *, asynchronous: bool) -> Any:
    """Return a client as people make it: by address and key."""
    options = {} if retries is None else {"max_retries": retries}
    return CLIENTS[package][asynchronous](base_url=base_url, api_key=key, **options)


def call(
    package: str,
    base_url: str,
    key: str,
    of: str,
    arguments: dict[str, Any],
    form: str = "whole",
    retries: int | None = None,
    asynchronous: bool = False,
) -> dict[str, Any]:
    """Make a call. ``of`` names the resource, ``form`` is whole, stream, events, parse, or another method."""
    if asynchronous:
        return asyncio.run(_called_async(package, base_url, key, of, arguments, form, retries))
    with connected(package, base_url, key, retries, asynchronous=False) as client:
        resource = attrgetter(of)(client)
        if form == "stream":
            with resource.stream(**arguments) as stream:
                events = [plain(event) for event in stream]
                return {"events": events, "final": plain(getattr(stream, FINAL_OF[of])())}
        if form == "events":
            return {"events": [plain(event) for event in resource.create(**arguments, stream=True)]}
        if form == "parse":
            final = resource.parse(**arguments, **{FORMAT_OF[of]: Pair})
            return {"final": plain(final), "parsed": plain(PARSED_OF[of](final))}
        if form == "whole":
            raw = resource.with_raw_response.create(**arguments)
            return {"final": plain(raw.parse()), "headers": dict(raw.headers)}
        return {"final": plain(getattr(resource, form)(**arguments))}


async def _called_async(
    package: str, base_url: str, key: str, of: str, arguments: dict[str, Any], form: str, retries: int | None
) -> dict[str, Any]:
    async with connected(package, base_url, key, retries, asynchronous=True) as client:
        resource = attrgetter(of)(client)
        if form == "stream":
            async with resource.stream(**arguments) as stream:
                events = [plain(event) async for event in stream]
                return {"events": events, "final": plain(await getattr(stream, FINAL_OF[of])())}
        if form == "events":
            return {"events": [plain(event) async for event in await resource.create(**arguments, stream=True)]}
        if form == "parse":
            final = await resource.parse(**arguments, **{FORMAT_OF[of]: Pair})
            return {"final": plain(final), "parsed": plain(PARSED_OF[of](final))}
        if form == "whole":
            raw = await resource.with_raw_response.create(**arguments)
            parsed = raw.parse()
            final = await parsed if inspect.isawaitable(parsed) else parsed
            return {"final": plain(final), "headers": dict(raw.headers)}
        return {"final": plain(await getattr(resource, form)(**arguments))}


def plain(value: Any) -> Any:
    """Return a model of an SDK as JSON."""
    return value.model_dump(mode="json", warnings=False) if isinstance(value, BaseModel) else value


def models(package: str, base_url: str, key: str) -> list[str]:
    """List the models."""
    with connected(package, base_url, key, None, asynchronous=False) as client:
        return [model.id for model in client.models.list()]


if __name__ == "__main__":
    serve(call=call, models=models)
