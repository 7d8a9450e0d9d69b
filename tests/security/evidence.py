"""All that a stack has written or would tell, by place."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
from temporalio.client import Client

from embedded.places import places
from tests.gateway import Gateway, eventually
from tests.security.scenario import Planted

Blobs = Mapping[str, bytes]
SERVERS = {"temporal": "Temporal's files", "postgres": "PostgreSQL's files", "openbao": "Vault's files", "logs": "logs"}
PLACES = (
    *SERVERS.values(),
    "other files",
    "histories as JSON",
    "histories as protobuf",
    "descriptions",
    "lists",
    "metrics",
    "what callers were told",
    "processes",
    "PostgreSQL's rows",
    "stored payloads",
    "the provider",
)


async def gather(gateway: Gateway, planted: Planted) -> dict[str, Blobs]:
    """Content of each place, once everything was written."""
    client = await Client.connect(gateway.local.temporal.address, namespace=gateway.local.temporal.namespace)
    await _until_listed(client, planted)
    await gateway.superuser("CHECKPOINT")
    stored = await gateway.superuser("SELECT encode(id, 'hex') AS id, content FROM assay.payload")
    found: dict[str, Blobs] = {
        "metrics": {"metrics": (await gateway.http.get("/metrics")).content},
        "what callers were told": planted.told,
        "the provider": {str(index): request.body for index, request in enumerate(gateway.provider.requests)},
        "processes": dict(_processes(gateway)),
        "PostgreSQL's rows": await _rows(gateway),
        "stored payloads": {row["id"]: row["content"] for row in stored},
        **await _by_temporals_command_line(gateway, planted),
        **await _by_temporals_api(client, planted),
        **_files(places(gateway.settings).root),
    }
    assert set(found) == set(PLACES)
    return found


async def _rows(gateway: Gateway) -> Blobs:
    """Return the content of tables from PostgreSQL: in its files, long values are compressed."""
    tables = await gateway.superuser("SELECT tablename FROM pg_tables WHERE schemaname = 'assay'")
    asked = {f"assay.{row['tablename']}": f'SELECT * FROM assay."{row["tablename"]}"' for row in tables}  # noqa: S608
    asked |= {name: f"SELECT * FROM pg_catalog.{name}" for name in ("pg_authid", "pg_stat_activity")}  # noqa: S608
    found = {}
    for name, sql in asked.items():
        values = [value for row in await gateway.superuser(sql) for value in row.values()]
        found[name] = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
    return found


async def _until_listed(client: Client, planted: Planted) -> None:
    """Lists come from an index that follows."""

    async def all_listed() -> bool:
        listed = {execution.id async for execution in client.list_workflows("ExecutionStatus != 'Running'")}
        return listed >= set(planted.runs.values())

    await eventually(all_listed)


def _files(root: Path) -> dict[str, Blobs]:
    found: dict[str, dict[str, bytes]] = {place: {} for place in (*SERVERS.values(), "other files")}
    for path in root.rglob("*"):
        if path.is_file():
            name = path.relative_to(root)
            found[SERVERS.get(name.parts[0], "other files")][str(name)] = path.read_bytes()
    return dict(found)


def _processes(gateway: Gateway) -> Iterator[tuple[str, bytes]]:
    """Arguments and environments: all users may read the former, and a process's children get the latter."""
    for status in gateway.servers.status():
        process = psutil.Process(status.pid)
        yield status.name, "\n".join([*process.cmdline(), *map(str, process.environ().items())]).encode()


async def _by_temporals_command_line(gateway: Gateway, planted: Planted) -> dict[str, Blobs]:
    async def told(*arguments: str) -> bytes:
        done = await asyncio.to_thread(gateway.temporal_cli, *arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return done.stdout.encode()

    runs = planted.runs.items()
    shown = [told("workflow", "show", "--workflow-id", run) for _, run in runs]
    described = [told("workflow", "describe", "--workflow-id", run) for _, run in runs]
    *outputs, listed = await asyncio.gather(*shown, *described, told("workflow", "list"))
    return {
        "histories as JSON": dict(zip(planted.runs, outputs[: len(shown)], strict=True)),
        "descriptions": dict(zip(planted.runs, outputs[len(shown) :], strict=True)),
        "lists": {"list": listed},
    }


async def _by_temporals_api(client: Client, planted: Planted) -> dict[str, Blobs]:
    """As the frontend gives them to whoever asks, without our codec."""
    histories, descriptions = {}, {}
    for outcome, run in planted.runs.items():
        handle = client.get_workflow_handle(run)
        events = (await handle.fetch_history()).events
        histories[outcome] = b"".join(event.SerializeToString() for event in events)
        descriptions[outcome] = (await handle.describe()).raw_description.SerializeToString()
    return {"histories as protobuf": {**histories, **{f"{name}, described": d for name, d in descriptions.items()}}}
