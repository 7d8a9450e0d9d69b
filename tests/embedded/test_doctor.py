"""Problems found by the doctor, with remedies."""

import socket
from collections.abc import Callable
from pathlib import Path

from config.settings import Settings
from embedded.doctor import examine

MakeSettings = Callable[[Path], Settings]


async def test_a_machine_on_which_all_is_well(tmp_path: Path, make_settings: MakeSettings) -> None:
    checks = await examine(make_settings(tmp_path / "absent"))

    assert [c for c in checks if c.outcome == "fail"] == []
    assert len({c.name for c in checks}) == len(checks)
    assert not (tmp_path / "absent").exists()


async def test_a_taken_port_and_an_open_directory_are_failures_with_a_remedy(
    tmp_path: Path, make_settings: MakeSettings
) -> None:
    settings = make_settings(tmp_path / "d")
    (tmp_path / "d").mkdir(mode=0o755)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", settings.embedded.model_port))
        holder.listen()
        failed = {c.name: c for c in await examine(settings) if c.outcome == "fail"}

    assert set(failed) == {"data directory", f"port {settings.embedded.model_port} of model"}
    assert failed["data directory"].remedy.startswith("chmod")
    assert "ASSAY_EMBEDDED__MODEL_PORT" in failed[f"port {settings.embedded.model_port} of model"].remedy
