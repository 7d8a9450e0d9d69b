"""A worker to be killed: admits a run, leaves what its store holds in a file, and never hears from its model.

Arguments: Temporal's address, a folder for policies, the file. The store outlives its worker, as PostgreSQL does.
"""

import asyncio
import pickle
import sys
from pathlib import Path

from config.settings import Settings, TemporalSettings
from tests.replay.bench import bench_on


async def main(address: str, policies: Path, store: Path) -> None:
    bench = await bench_on(Settings(temporal=TemporalSettings(address=address)), policies)

    async def never() -> str:
        part = store.with_suffix(".part")
        part.write_bytes(pickle.dumps(bench.ledger))
        part.rename(store)
        await asyncio.Event().wait()
        return ""

    bench.model.script = [never]
    async with bench.working():
        await asyncio.Event().wait()


asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
