"""Archives in a bucket: of a server that speaks Amazon's S3 API, and of none that answers."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.archive.place import CREDENTIALS, ObstorePlace, open_place
from adapters.vault.calls import kv_write
from domain.refusals import Kind, Refusal
from domain.transparency.archive import ArchiveGone, ArchiveInvalid
from embedded.process.ports import unused_ports
from services.archiving.months import LogMonthArchiver
from tests.adapters.archive.archives import Past, unused_month
from tests.adapters.stack import Stack, eventually
from tests.processes import bound

KEYS = {"access_key_id": "someone", "secret_access_key": "something"}


@pytest.fixture(scope="module")
async def endpoint(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A server of its own process, with a bucket."""
    (port,) = unused_ports(1)
    url = f"http://127.0.0.1:{port}"
    server = str(Path(sys.executable).with_name("moto_server"))
    with (tmp_path_factory.mktemp("s3") / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *bound(server, "-H", "127.0.0.1", "-p", str(port)), stdout=log, stderr=log
        )
    try:
        async with httpx2.AsyncClient(base_url=url) as http:

            async def made() -> bool:
                try:
                    return (await http.put("/records")).status_code == 200
                except httpx2.TransportError:
                    return False

            await eventually(made, 30)
        yield url
    finally:
        process.terminate()
        await process.wait()


def bucket(past: Past, endpoint: str) -> dict[str, Any]:
    return {"archive_place": "s3://records/assay", "archive_endpoint": endpoint}


def place_of(past: Past, endpoint: str, keys: dict[str, str] = KEYS) -> ObstorePlace:
    return open_place(past.settings.audit.model_copy(update=bucket(past, endpoint)), keys)


@pytest.fixture
async def archiver(past: Past, stack: Stack, endpoint: str) -> AsyncIterator[LogMonthArchiver]:
    await stack.as_root(lambda client: kv_write(client, "assay", CREDENTIALS, {**KEYS, "note": "of no meaning"}))
    async with AsyncExitStack() as exits:
        yield await past.archiver(exits, **bucket(past, endpoint))


async def test_a_month_goes_into_a_bucket_and_comes_back(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    assert (await archiver.archive(month)).state == "archived"
    assert await past.table(month) is None
    assert not past.place.exists(), "nothing lies in a directory"
    assert (await archiver.restore(month)).rows == 6
    assert await past.in_log(month) == 3


async def test_a_tampered_object_is_refused(past: Past, archiver: LogMonthArchiver, endpoint: str) -> None:
    month = unused_month()
    await past.record(month)
    await archiver.archive(month)
    await place_of(past, endpoint).put(f"acme/{month:%Y-%m}.jsonl.zst", b"something else")
    with pytest.raises(ArchiveInvalid, match="the file: its SHA-256 differs"):
        await archiver.restore(month)


async def test_a_long_file_goes_up_in_parts(past: Past, endpoint: str) -> None:
    place = place_of(past, endpoint)
    parts = [hashlib.sha256(bytes([number])).digest() * 40_000 for number in range(10)]  # 12.8 MB

    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    await place.put("long", chunks())
    found = hashlib.sha256()
    async for chunk in place.read("long"):
        found.update(chunk)
    assert found.digest() == hashlib.sha256(b"".join(parts)).digest()
    with pytest.raises(ArchiveGone):
        _ = [chunk async for chunk in place.read("another")]


async def test_a_server_that_is_away_is_no_verdict(past: Past) -> None:
    (port,) = unused_ports(1)
    month = unused_month()
    await past.record(month)
    async with AsyncExitStack() as exits:
        archiver = await past.archiver(exits, **bucket(past, f"http://127.0.0.1:{port}"))
        with pytest.raises(Refusal) as refused:
            await archiver.archive(month)
    assert refused.value.kind is Kind.STORE_UNAVAILABLE
    assert await past.table(month) is not None
    async with AsyncExitStack() as exits:  # and goes on elsewhere
        assert (await (await past.archiver(exits)).archive(month)).state == "archived"
