"""Place of the API's spool of refusals."""

from pathlib import Path

from config.settings import ApiSettings, EmbeddedSettings, Settings
from embedded.places import local_settings
from tests.command import run_assay


async def test_a_place_that_can_not_be_written_stops_the_start_and_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("here first")
    code, _, errors = await run_assay(
        Settings(api=ApiSettings(spool_dir=tmp_path / "file" / "spool")), "serve", "--role", "api"
    )
    assert code == 1
    assert "ASSAY_API__SPOOL_DIR" in errors
    assert "Traceback" not in errors


def test_on_one_machine_it_lies_in_the_data_directory_unless_the_environment_says_otherwise(tmp_path: Path):
    here = EmbeddedSettings(data_dir=tmp_path)
    assert local_settings(Settings(embedded=here)).api.spool_dir == tmp_path / "spool"
    elsewhere = ApiSettings(spool_dir=tmp_path / "elsewhere", port=8099)
    found = local_settings(Settings(embedded=here, api=elsewhere)).api
    assert (found.spool_dir, found.port) == (tmp_path / "elsewhere", 8099)
    assert found.ui_origin is not None
