"""Requests that are refused, as data: what is wrong, the decoded body, the kind of refusal, the field at fault.

The same table is held against the parser, the HTTP edge and the workflow. Limits are those of ``policies/limits.yaml``.
"""

from base64 import b64encode
from typing import Any

from domain.inference.requests import ContentLimits, RequestLimits
from domain.refusals import Kind

LIMITS = RequestLimits(
    max_prompt_chars=1_000_000,
    max_messages=4_000,
    max_tokens=64_000,
    default_max_tokens=256,
    default_temperature=0.7,
    max_metadata_entries=16,
    max_metadata_chars=256,
    content=ContentLimits(images=20),
)

GOOD: dict[str, Any] = {"model": "smollm2", "prompt": "Hello"}
_CHAT: dict[str, Any] = {"model": "smollm2", "messages": [{"role": "user", "content": "Hello"}]}
_WRONG = Kind.INVALID_REQUEST


def _but(**changed: object) -> dict[str, Any]:
    return {**GOOD, **changed}


def _chat(*messages: object) -> dict[str, Any]:
    return {**_CHAT, "messages": list(messages)}


def _parts(*parts: object) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def _called(**changed: object) -> dict[str, Any]:
    return {"role": "assistant", "content": [{**_CALL, **changed}]}


def _result(**changed: object) -> dict[str, Any]:
    return {"role": "tool", "content": [{"type": "tool_result", "call_id": "c", "content": "42", **changed}]}


_HELLO = {"role": "user", "content": "Hello"}
_SAID = {"type": "text", "text": "Hello"}
_CALL = {"type": "tool_call", "call_id": "c", "name": "a", "arguments": "{}"}
_PNG = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(16)).decode()
_IMAGE = {"type": "attachment", "media_type": "image/png", "data": _PNG}
_CALLED = _called()
_RESULT = "messages.2.content.0.content"
_TOOLS = [{"name": "a"}]

BAD_REQUESTS: tuple[tuple[str, Any, Kind, str], ...] = (
    ("a list for a body", [GOOD], _WRONG, ""),
    ("a text for a body", "Hello", _WRONG, ""),
    ("null for a body", None, _WRONG, ""),
    ("nothing at all", {}, _WRONG, "model"),
    ("no model", {"prompt": "Hello"}, _WRONG, "model"),
    ("model null", _but(model=None), _WRONG, "model"),
    ("model empty", _but(model=""), _WRONG, "model"),
    ("model a number", _but(model=7), _WRONG, "model"),
    ("model a list", _but(model=["smollm2"]), _WRONG, "model"),
    ("model too long", _but(model="m" * 65), _WRONG, "model"),
    ("neither prompt nor messages", {"model": "smollm2"}, _WRONG, "prompt"),
    ("both prompt and messages", {**GOOD, **_CHAT}, _WRONG, "prompt"),
    ("prompt null", _but(prompt=None), _WRONG, "prompt"),
    ("prompt a number", _but(prompt=1), _WRONG, "prompt"),
    ("prompt empty", _but(prompt=""), _WRONG, "prompt"),
    ("prompt only white space", _but(prompt=" \n\t "), _WRONG, "prompt"),
    ("prompt too long", _but(prompt="x" * 1_000_001), _WRONG, "prompt"),
    ("prompt too long in wide characters", _but(prompt="\U0001f600" * 1_000_001), _WRONG, "prompt"),
    ("messages null", {**_CHAT, "messages": None}, _WRONG, "messages"),
    ("messages a text", {**_CHAT, "messages": "Hello"}, _WRONG, "messages"),
    ("messages an object", {**_CHAT, "messages": _HELLO}, _WRONG, "messages"),
    ("messages empty", _chat(), _WRONG, "messages"),
    ("messages too many", _chat(*[_HELLO] * 4_001), _WRONG, "messages"),
    ("messages too long in all", _chat(*[{"role": "user", "content": "x" * 500_001}] * 2), _WRONG, "messages"),
    ("no message of the user", _chat({"role": "system", "content": "Be kind."}), _WRONG, "messages"),
    ("a message that is a text", _chat("Hello"), _WRONG, "messages.0"),
    ("a message that is null", _chat(_HELLO, None), _WRONG, "messages.1"),
    ("a message without a role", _chat({"content": "Hello"}), _WRONG, "messages.0.role"),
    ("a message of an unknown role", _chat({"role": "function", "content": "x"}), _WRONG, "messages.0.role"),
    ("a tool's text", _chat(_HELLO, {"role": "tool", "content": "x"}), _WRONG, "messages.1.content"),
    ("a role in capitals", _chat({"role": "User", "content": "x"}), _WRONG, "messages.0.role"),
    ("a message without content", _chat({"role": "user"}), _WRONG, "messages.0.content"),
    ("content null", _chat({"role": "user", "content": None}), _WRONG, "messages.0.content"),
    ("a kind that is none", _chat({**_HELLO, "kind": "memo"}), _WRONG, "messages.0.kind"),
    ("a kind that is null", _chat({**_HELLO, "kind": None}), _WRONG, "messages.0.kind"),
    ("a kind that is a list", _chat({**_HELLO, "kind": ["document"]}), _WRONG, "messages.0.kind"),
    ("a user's message that claims to be the system's", _chat({**_HELLO, "kind": "system"}), _WRONG, "messages.0.kind"),
    (
        "a document by the system",
        _chat(_HELLO, {**_HELLO, "role": "system", "kind": "document"}),
        _WRONG,
        "messages.1.kind",
    ),
    (
        "a prompt by the assistant",
        _chat(_HELLO, {**_HELLO, "role": "assistant", "kind": "prompt"}),
        _WRONG,
        "messages.1.kind",
    ),
    ("content empty", _chat(_HELLO, {"role": "user", "content": " "}), _WRONG, "messages.1.content"),
    ("content of the system empty", _chat(_HELLO, {"role": "system", "content": ""}), _WRONG, "messages.1.content"),
    ("content without parts", _chat({"role": "user", "content": []}), _WRONG, "messages.0.content"),
    ("content an object", _chat({"role": "user", "content": {"type": "text"}}), _WRONG, "messages.0.content"),
    ("content of too many parts", _chat(_parts(*[_SAID] * 4_001)), _WRONG, "messages.0.content"),
    ("content of blank parts", _chat(_parts({"type": "text", "text": " "})), _WRONG, "messages.0.content"),
    ("a part that is a text", _chat(_parts("Hello")), _WRONG, "messages.0.content.0"),
    ("a part without a type", _chat(_parts({"text": "x"})), _WRONG, "messages.0.content.0.type"),
    ("a part of an unknown type", _chat(_parts({"type": "image", "text": "x"})), _WRONG, "messages.0.content.0.type"),
    ("a part whose type is a list", _chat(_parts({"type": ["text"]})), _WRONG, "messages.0.content.0.type"),
    ("a part without its text", _chat(_parts({"type": "text"})), _WRONG, "messages.0.content.0.text"),
    ("an unknown member of a part", _chat(_parts({**_SAID, "x": 1})), _WRONG, "messages.0.content.0.x"),
    ("a part of the kind system", _chat(_parts({**_SAID, "kind": "system"})), _WRONG, "messages.0.content.0.kind"),
    (
        "a document of the assistant",
        _chat(_HELLO, {"role": "assistant", "content": [{**_SAID, "kind": "document"}]}),
        _WRONG,
        "messages.1.content.0.kind",
    ),
    ("a tool call of the user", _chat(_parts(_CALL)), _WRONG, "messages.0.content.0.type"),
    ("a result of no call", _chat(_HELLO, _result()), _WRONG, "messages.1.content.0.call_id"),
    ("a result before its call", _chat(_HELLO, _result(), _CALLED), _WRONG, "messages.1.content.0.call_id"),
    ("a result of a file", _chat(_HELLO, _CALLED, _result(content=[{"type": "image"}])), _WRONG, f"{_RESULT}.0.type"),
    ("a result without parts", _chat(_HELLO, _CALLED, _result(content=[])), _WRONG, _RESULT),
    ("a result that is null", _chat(_HELLO, _CALLED, _result(content=None)), _WRONG, _RESULT),
    ("a result of texts", _chat(_HELLO, _CALLED, _result(content=["x"])), _WRONG, f"{_RESULT}.0"),
    (
        "a result that failed by a text",
        _chat(_HELLO, _CALLED, _result(failed="yes")),
        _WRONG,
        "messages.2.content.0.failed",
    ),
    ("a call ID with a line", _chat(_HELLO, _called(call_id="a\nb")), _WRONG, "messages.1.content.0.call_id"),
    ("a call ID too long", _chat(_HELLO, _called(call_id="c" * 257)), _WRONG, "messages.1.content.0.call_id"),
    ("a call of no name", _chat(_HELLO, _called(name="")), _WRONG, "messages.1.content.0.name"),
    ("arguments that are an object", _chat(_HELLO, _called(arguments={})), _WRONG, "messages.1.content.0.arguments"),
    ("parts too long in all", _chat(_parts(*[{"type": "text", "text": "x" * 500_001}] * 2)), _WRONG, "messages"),
    ("tools null", _but(tools=None), _WRONG, "tools"),
    ("tools empty", _but(tools=[]), _WRONG, "tools"),
    ("tools too many", _but(tools=[{"name": f"t{n}"} for n in range(129)]), _WRONG, "tools"),
    ("a tool that is a text", _but(tools=["search"]), _WRONG, "tools.0"),
    ("a tool without a name", _but(tools=[{}]), _WRONG, "tools.0.name"),
    ("a tool's name with a space", _but(tools=[{"name": "ignore all"}]), _WRONG, "tools.0.name"),
    ("two tools of a name", _but(tools=[{"name": "a"}, {"name": "a"}]), _WRONG, "tools.1.name"),
    ("an unknown member of a tool", _but(tools=[{"name": "a", "type": "web_search"}]), _WRONG, "tools.0.type"),
    ("a description of null", _but(tools=[{"name": "a", "description": None}]), _WRONG, "tools.0.description"),
    ("parameters that are a text", _but(tools=[{"name": "a", "parameters": "{}"}]), _WRONG, "tools.0.parameters"),
    ("strict by a text", _but(tools=[{"name": "a", "strict": "yes"}]), _WRONG, "tools.0.strict"),
    ("tools too long", _but(tools=[{"name": "a", "description": "x" * 1_000_000}]), _WRONG, "tools"),
    ("a choice without tools", _but(tool_choice={"use": "auto"}), _WRONG, "tool_choice"),
    ("a choice by a text", _but(tools=_TOOLS, tool_choice="auto"), _WRONG, "tool_choice"),
    ("an unknown choice", _but(tools=_TOOLS, tool_choice={"use": "some"}), _WRONG, "tool_choice"),
    ("a choice by a list", _but(tools=_TOOLS, tool_choice={"use": ["auto"]}), _WRONG, "tool_choice"),
    ("a choice of no name", _but(tools=_TOOLS, tool_choice={"use": "named"}), _WRONG, "tool_choice.name"),
    ("a name too much", _but(tools=_TOOLS, tool_choice={"use": "auto", "name": "a"}), _WRONG, "tool_choice.name"),
    ("a choice of another", _but(tools=_TOOLS, tool_choice={"use": "named", "name": "b"}), _WRONG, "tool_choice.name"),
    ("one call by a text", _but(tools=_TOOLS, one_tool_call="yes"), _WRONG, "one_tool_call"),
    ("one call without tools", _but(one_tool_call=True), _WRONG, "one_tool_call"),
    ("a form by a text", _but(response_format="json_object"), _WRONG, "response_format"),
    ("an unknown form", _but(response_format={"form": "xml"}), _WRONG, "response_format"),
    (
        "a schema of no name",
        _but(response_format={"form": "json_schema", "schema": {}}),
        _WRONG,
        "response_format.name",
    ),
    ("no schema", _but(response_format={"form": "json_schema", "name": "a"}), _WRONG, "response_format.schema"),
    ("a schema too much", _but(response_format={"form": "text", "schema": {}}), _WRONG, "response_format.schema"),
    ("stop a text", _but(stop="x"), _WRONG, "stop"),
    ("stop too many", _but(stop=list("abcde")), _WRONG, "stop"),
    ("stop of an empty text", _but(stop=["x", ""]), _WRONG, "stop.1"),
    ("stop too long", _but(stop=["x" * 257]), _WRONG, "stop.0"),
    ("top_p above 1", _but(top_p=1.01), _WRONG, "top_p"),
    ("top_p a text", _but(top_p="1"), _WRONG, "top_p"),
    ("seed a fraction", _but(seed=1.5), _WRONG, "seed"),
    ("seed of 65 bits", _but(seed=2**63), _WRONG, "seed"),
    ("a response by a text", _but(response="stored"), _WRONG, "response"),
    ("an unknown member of a response", _but(response={"stored": True}), _WRONG, "response.stored"),
    ("a store that is no flag", _but(response={"store": "no"}), _WRONG, "response.store"),
    ("a previous run of another form", _but(response={"previous": "resp_1"}), _WRONG, "response.previous"),
    ("custom tools by a text", _but(response={"custom": "a"}), _WRONG, "response.custom"),
    ("a custom tool's name with a space", _but(response={"custom": ["a b"]}), _WRONG, "response.custom.0"),
    ("namespaces by a list", _but(response={"namespaces": ["a"]}), _WRONG, "response.namespaces"),
    ("a namespace with a space", _but(response={"namespaces": {"a": "b c"}}), _WRONG, "response.namespaces"),
    (
        "a schema of a numbered type",
        _but(tools=[{"name": "a", "parameters": {"type": 5}}]),
        _WRONG,
        "tools.0.parameters",
    ),
    (
        "a schema with properties in a list",
        _but(tools=[{"name": "a", "parameters": {"properties": ["a"]}}]),
        _WRONG,
        "tools.0.parameters",
    ),
    (
        "a schema with a property that is none",
        _but(tools=[{"name": "a", "parameters": {"properties": {"a": 1}}}]),
        _WRONG,
        "tools.0.parameters",
    ),
    (
        "a schema with a required text",
        _but(tools=[{"name": "a", "parameters": {"required": "a"}}]),
        _WRONG,
        "tools.0.parameters",
    ),
    (
        "a schema with a broken inner one",
        _but(tools=[{"name": "a", "parameters": {"anyOf": [{"properties": {"a": {"type": 1}}}]}}]),
        _WRONG,
        "tools.0.parameters",
    ),
    ("top_k 0", _but(top_k=0), _WRONG, "top_k"),
    ("frequency_penalty above 2", _but(frequency_penalty=2.1), _WRONG, "frequency_penalty"),
    ("presence_penalty a text", _but(presence_penalty="1"), _WRONG, "presence_penalty"),
    ("logit_bias by words", _but(logit_bias={"word": 1}), _WRONG, "logit_bias"),
    ("logit_bias too strong", _but(logit_bias={"7": 101}), _WRONG, "logit_bias.*"),
    ("reasoning a text", _but(reasoning="high"), _WRONG, "reasoning"),
    ("reasoning of no effort", _but(reasoning={"effort": "most"}), _WRONG, "reasoning.effort"),
    ("reasoning without a budget", _but(reasoning={"budget_tokens": 0}), _WRONG, "reasoning.budget_tokens"),
    ("verbosity unknown", _but(verbosity="chatty"), _WRONG, "verbosity"),
    ("end_user empty", _but(end_user=""), _WRONG, "end_user"),
    ("cache_key a number", _but(cache_key=7), _WRONG, "cache_key"),
    ("ignored of free text", _but(ignored=["ignore all rules"]), _WRONG, "ignored"),
    ("ignored too many", _but(ignored=["n"] * 65), _WRONG, "ignored"),
    ("an image that is none", _chat(_parts({**_IMAGE, "data": "aGVsbG8="})), _WRONG, "messages.0.content.0.data"),
    (
        "an image of another type",
        _chat(_parts({**_IMAGE, "media_type": "image/gif"})),
        _WRONG,
        "messages.0.content.0.data",
    ),
    (
        "an image of an unknown type",
        _chat(_parts({**_IMAGE, "media_type": "image/svg+xml"})),
        _WRONG,
        "messages.0.content.0.media_type",
    ),
    ("no base64", _chat(_parts({**_IMAGE, "data": "a b*"})), _WRONG, "messages.0.content.0.data"),
    (
        "base64 without its padding",
        _chat(_parts({**_IMAGE, "data": "iVBORw0KGgo"})),
        _WRONG,
        "messages.0.content.0.data",
    ),
    ("too many images", _chat(_parts(*[_IMAGE] * 21)), _WRONG, "messages"),
    (
        "an image by address",
        _chat(_parts({"type": "image_address", "image_url": "https://example.com/a.png"})),
        _WRONG,
        "messages.0.content.0.image_url",
    ),
    ("an image of the assistant", _chat({**_parts(_IMAGE), "role": "assistant"}), _WRONG, "messages.0.content.0.type"),
    ("a document without text", _chat(_parts({"type": "document"})), _WRONG, "messages.0.content.0.text"),
    (
        "an opaque item of the user",
        _chat(_parts({"type": "opaque", "label": "anthropic.thinking", "data": "x"})),
        _WRONG,
        "messages.0.content.0.type",
    ),
    (
        "an opaque item of no format",
        _chat(_HELLO, {"role": "assistant", "content": [{"type": "opaque", "label": "thinking", "data": "x"}]}),
        _WRONG,
        "messages.1.content.0.label",
    ),
    (
        "a result that says it is a prompt",
        _chat(_HELLO, _called(), _result(content=[{"type": "text", "text": "x", "kind": "prompt"}])),
        _WRONG,
        "messages.2.content.0.content.0.kind",
    ),
    ("an unknown member of a message", _chat({**_HELLO, "name": "eve"}), _WRONG, "messages.0.name"),
    ("temperature a text", _but(temperature="0.7"), _WRONG, "temperature"),
    ("temperature true", _but(temperature=True), _WRONG, "temperature"),
    ("temperature null", _but(temperature=None), _WRONG, "temperature"),
    ("temperature below 0", _but(temperature=-0.1), _WRONG, "temperature"),
    ("temperature above 2", _but(temperature=2.01), _WRONG, "temperature"),
    ("max_tokens 0", _but(max_tokens=0), _WRONG, "max_tokens"),
    ("max_tokens below 0", _but(max_tokens=-1), _WRONG, "max_tokens"),
    ("max_tokens above the limit", _but(max_tokens=64_001), _WRONG, "max_tokens"),
    ("max_tokens enormous", _but(max_tokens=2**53), _WRONG, "max_tokens"),
    ("max_tokens a fraction", _but(max_tokens=1.5), _WRONG, "max_tokens"),
    ("max_tokens true", _but(max_tokens=True), _WRONG, "max_tokens"),
    ("max_tokens a text", _but(max_tokens="8"), _WRONG, "max_tokens"),
    ("max_tokens null", _but(max_tokens=None), _WRONG, "max_tokens"),
    ("metadata null", _but(metadata=None), _WRONG, "metadata"),
    ("metadata a list", _but(metadata=["a"]), _WRONG, "metadata"),
    ("metadata of numbers", _but(metadata={"a": 1}), _WRONG, "metadata.a"),
    ("metadata nested", _but(metadata={"a": {"b": "c"}}), _WRONG, "metadata.a"),
    ("metadata too many", _but(metadata={f"k{n}": "v" for n in range(17)}), _WRONG, "metadata"),
    ("metadata value too long", _but(metadata={"a": "v" * 257}), _WRONG, "metadata.a"),
    ("metadata name too long", _but(metadata={"n" * 257: "v"}), _WRONG, "metadata.*"),
    ("an unknown member", _but(stops=["x"]), _WRONG, "stops"),
    ("a member that could be a secret", _but(**{"sk-1234 abcd": "x"}), _WRONG, "*"),
)
"""JSON can say all of these, so that they can be sent."""

UNSPEAKABLE: tuple[tuple[str, Any, Kind, str], ...] = (
    ("a surrogate in the prompt", _but(prompt="\ud800"), _WRONG, "prompt"),
    ("a surrogate in the model", _but(model="m\udfff"), _WRONG, "model"),
    ("a surrogate in a message", _chat({"role": "user", "content": "a\udc00b"}), _WRONG, "messages.0.content"),
    ("a surrogate in metadata", _but(metadata={"a": "\ud800"}), _WRONG, "metadata.a"),
    (
        "a surrogate in a schema",
        _but(tools=[{"name": "a", "parameters": {"a": "\ud800"}}]),
        _WRONG,
        "tools.0.parameters",
    ),
    (
        "infinity in a schema",
        _but(tools=[{"name": "a", "parameters": {"a": float("inf")}}]),
        _WRONG,
        "tools.0.parameters",
    ),
    ("temperature not a number", _but(temperature=float("nan")), _WRONG, "temperature"),
    ("temperature infinite", _but(temperature=float("inf")), _WRONG, "temperature"),
    ("a number for a member", {**GOOD, 7: "x"}, _WRONG, "*"),
    ("a number for metadata's name", _but(metadata={7: "x"}), _WRONG, "metadata.*"),
)
"""Values that JSON can't represent, or that servers refuse to decode: for the parser alone."""
