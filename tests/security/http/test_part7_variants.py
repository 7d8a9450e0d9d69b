"""Part 7 at the HTTP edge: readers that the attacks succeed against, beside Assay's."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import jwt
import pytest
from starlette.requests import ClientDisconnect, Request

from domain.records.queries import RecordFilter
from domain.refusals import Refusal
from domain.text.strict_json import read_strictly
from tests.security.http.test_part7_http import NUL, SURROGATE, Tokens, bearer
from tests.security.test_part5_recorded_readings import Edge

LONG = "9" * 5_000
"""A Content-Length beyond the digits that Python converts (CVE-2020-10735)."""


def _scope(path: str, headers: list[tuple[bytes, bytes]], method: str = "POST") -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
        "scheme": "http",
    }


@pytest.fixture
async def edge() -> Edge:
    return await Edge().begin()


async def _status(edge: Edge, headers: list[tuple[bytes, bytes]], messages: list[dict[str, Any]]) -> list[int]:
    """Statuses of the answers to one request whose body arrives in these messages."""
    sent: list[dict[str, Any]] = []
    arriving = iter(messages)

    async def receive() -> Any:
        return next(arriving, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    name, token = await bearer(edge)
    own = [(name.lower().encode(), token.encode()), (b"content-type", b"application/json")]
    await edge.app(cast("Any", _scope("/codec/decode", [*own, *headers])), receive, send)
    return [message["status"] for message in sent if message["type"] == "http.response.start"]


@pytest.mark.parametrize("claimed", [LONG, "-1", "+5", "1_0", "\u0661", "0x10", "", "5, 5", "nan"])
async def test_no_content_length_makes_a_fault(edge: Edge, claimed: str):
    if claimed == LONG:
        with pytest.raises(ValueError, match="digits"):
            int(claimed)  # the wrong variant: the length as a number
    body = [{"type": "http.request", "body": b'{"payloads":[]}', "more_body": False}]
    [status] = await _status(edge, [(b"content-length", claimed.encode())], body)
    assert status < 500


async def test_a_body_read_without_care_ends_in_an_exception_when_its_client_leaves(edge: Edge):
    messages = [{"type": "http.request", "body": b'{"pay', "more_body": True}, {"type": "http.disconnect"}]
    arriving = iter(messages)

    async def receive() -> Any:
        return next(arriving)

    with pytest.raises(ClientDisconnect):  # the wrong variant: a framework's 500
        await Request(_scope("/", []), receive).body()
    assert await _status(edge, [], messages) == [400]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"])
def test_a_time_beyond_utc_is_refused_before_it_is_converted(text: str):
    at = datetime.fromisoformat(text)
    with pytest.raises(OverflowError):
        at.astimezone(UTC)  # the wrong variant: as a store's driver does
    with pytest.raises(Refusal):
        RecordFilter(since=at)


@pytest.mark.parametrize("text", [NUL, SURROGATE], ids=["nul", "surrogate"])
async def test_a_signed_subject_that_no_store_holds_is_accepted_by_a_library_alone(text: str):
    tokens = Tokens()
    claims = {**await tokens.claims(), "sub": text}
    token = tokens.signed(json.dumps(claims).encode())
    key = tokens.signer._key("token-signing").public_key()
    read = jwt.decode(token, key, algorithms=["EdDSA"], options={"verify_aud": False, "verify_exp": False})
    assert read["sub"] == text, "the wrong variant"
    await tokens.refused(token)


@pytest.mark.parametrize("header", ["idempotency-key", "x-namespace", "host"])
def test_readers_of_a_header_twice_differ(header: str):
    """The reason for refusing each: a framework takes the first, a dictionary the last, and a proxy may join them."""
    pairs = [(header.encode(), b"one"), (header.encode(), b"two")]
    assert Request(_scope("/", pairs)).headers[header] == "one"
    assert dict(pairs)[header.encode()] == b"two"


@pytest.mark.parametrize(
    ("data", "lenient"),
    [
        (b'{"sub": "a", "sub": "b"}', lambda data: json.loads(data)["sub"] == "b"),
        (b'{"more": {"a": 1, "a": 2}}', lambda data: json.loads(data)["more"]["a"] == 2),
        ('{"sub": "a"}'.encode("utf-16"), lambda data: json.loads(data)["sub"] == "a"),
        ('{"sub": "a"}'.encode("utf-32-le"), lambda data: json.loads(data)["sub"] == "a"),
        (b'{"iat": NaN}', lambda data: json.loads(data)["iat"] != json.loads(data)["iat"]),
    ],
    ids=["a name twice", "an inner name twice", "UTF-16", "UTF-32", "NaN"],
)
def test_a_lenient_reader_accepts_what_the_strict_one_refuses(data: bytes, lenient: Callable[[bytes], bool]):
    assert lenient(data), "the wrong variant"
    with pytest.raises(ValueError, match=r"."):
        read_strictly(data)
