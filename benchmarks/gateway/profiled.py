"""``assay serve`` with the benchmark's timers; their results are in a file once it has ended."""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.gateway.probes import ROOT, WAIT, place_all
from benchmarks.tools.spans import Recorder, medians, rest_ms, seconds_of


def main() -> None:
    """Serve with every role until a signal ends the process."""
    output, skip = Path(sys.argv[1]), int(sys.argv[2])
    recorder = Recorder(ROOT)
    place_all(recorder)
    from cli.serve import EVERY, serve  # noqa: PLC0415 - after the probes

    try:
        serve(EVERY)
    finally:
        output.write_text(json.dumps(_summary(recorder, skip)))


def _summary(recorder: Recorder, skip: int) -> dict[str, Any]:
    counted = recorder.requests[skip:]
    if not counted:
        return {"requests": 0}
    rest = rest_ms(counted, ROOT, (ROOT, WAIT))
    inside = [seconds * 1000 for seconds in seconds_of(counted, (ROOT,))]
    return {"requests": len(counted), "paths": medians(counted), "rest_ms": rest, "inside_ms": inside}


if __name__ == "__main__":
    main()
