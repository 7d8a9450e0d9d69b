"""The benchmark of verification: it measures a log that holds, and refuses to measure one that doesn't."""

from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.audit.filled_log import filled_log
from benchmarks.audit.verify import DoesNotHoldError, measure, show


async def test_it_measures_a_log_that_holds_and_no_other(tmp_path: Path) -> None:
    async with filled_log(tmp_path / "data") as log:
        found = await measure(log, 1_500, 5)
        assert found.events == 1_500
        assert found.seconds > 0
        assert len(found.proofs_ms) == 5
        console = Console(width=120, record=True)
        show([found], console)
        assert "1,500" in console.export_text()
        await log.connection.execute("UPDATE assay.log_head SET edge = ''")
        with pytest.raises(DoesNotHoldError):
            await measure(log, 1_500, 1)
