"""A supervisor to be killed: starts all servers, prints who runs as a line of JSON, ends when it is told to."""

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from config.settings import EmbeddedSettings, Settings
from embedded.process.signals import EndSignals
from embedded.servers.group import EmbeddedServers


async def main() -> None:
    settings = Settings(embedded=EmbeddedSettings.model_validate_json(sys.argv[1]))
    with EndSignals() as ending:
        async with EmbeddedServers(settings) as servers:
            children = [dataclasses.asdict(status) for status in servers.status()]
            sys.stdout.write(json.dumps({"euid": os.geteuid(), "children": children}) + "\n")
            sys.stdout.flush()
            await ending.wait()


asyncio.run(main())
