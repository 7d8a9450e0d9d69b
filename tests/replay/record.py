"""Record the histories that the replay tests replay: one closed run for each branch, encrypted as every history is.

    .venv/bin/python -m tests.replay.record                     # branches that have no history yet
    .venv/bin/python -m tests.replay.record --again BRANCH...   # one more of these, beside what is there

A history stays for as long as runs of the release that made it may be running or looked at: it is what they look like.
So nothing is overwritten. After a change to the workflow that is guarded by ``workflow.patched``, record the branches
that it touches once more and keep the old ones; both have to replay. Histories that no release has seen may be removed
by hand first.

A new branch: write it into ``branches.py`` and run this.
"""

import argparse
import asyncio
import json
import socket
import tempfile
from pathlib import Path
from typing import Any

from config import logs
from config.settings import Settings
from tests.replay.bench import bench_on, dev_server
from tests.replay.branches import BRANCHES
from tests.replay.histories import HISTORIES, outcome, read

HOST = f"{socket.gethostname()}-"


def place(name: str, *, again: bool) -> Path | None:
    """Return the path of the branch's next history; None if no new one is wanted."""
    number = len(list(HISTORIES.glob(f"{name}.[0-9]*.json"))) + 1
    return HISTORIES / f"{name}.{number}.json" if number == 1 or again else None


async def record(wanted: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="assay-record-") as folder:
        directory = Path(folder)
        async with dev_server(directory) as settings:
            for name, path in wanted.items():
                await record_one(settings, name, path, directory / name)


async def record_one(settings: Settings, name: str, path: Path, directory: Path) -> None:
    directory.mkdir()
    bench = await bench_on(settings, directory)
    async with asyncio.timeout(60):
        history = await (await BRANCHES[name].run(bench)).fetch_history()
    text = anonymous(history.to_json())
    ended = await outcome(read(text))
    wanted = (BRANCHES[name].status, BRANCHES[name].kind)
    if ended != wanted:
        raise SystemExit(f"{name}: ended as {ended}, not as {wanted}")
    with path.open("x") as file:
        file.write(text)
    print(f"{path.name}: {len(history.events)} events")  # noqa: T201


def anonymous(history: str) -> str:
    """The history without the names of this machine, an event a line."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: "recorder" if key == "identity" else without(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [without(inner) for inner in value]
        return value.replace(HOST, "recorder-") if isinstance(value, str) and value.startswith(HOST) else value

    events = ",\n".join(json.dumps(without(event)) for event in json.loads(history)["events"])
    return f'{{"events": [\n{events}\n]}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", nargs="+", choices=BRANCHES, default=[], metavar="BRANCH")
    again = parser.parse_args().again
    logs.configure("error", "console")
    found = {name: place(name, again=name in again) for name in (again or BRANCHES)}
    asyncio.run(record({name: path for name, path in found.items() if path is not None}))


if __name__ == "__main__":
    main()
