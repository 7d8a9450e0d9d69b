"""A worker that is versioned says which build it is."""

import pytest
from pydantic import ValidationError
from temporalio.common import VersioningBehavior

from config.settings import WorkerSettings
from worker.build import _deployment


@pytest.mark.parametrize("versioning", ["pinned", "auto_upgrade"])
def test_versioning_without_a_build_is_refused(versioning: str):
    with pytest.raises(ValidationError, match="versioning needs build_id"):
        WorkerSettings(versioning=versioning)


@pytest.mark.parametrize("wrong", [{"build_id": "1 0"}, {"build_id": ""}, {"deployment_name": "as.say"}])
def test_names_that_temporal_can_not_tell_apart_are_refused(wrong: dict):
    with pytest.raises(ValidationError):
        WorkerSettings(**wrong)


@pytest.mark.parametrize(
    ("versioning", "behaviour"),
    [
        ("pinned", VersioningBehavior.PINNED),
        ("auto_upgrade", VersioningBehavior.AUTO_UPGRADE),
        ("none", VersioningBehavior.UNSPECIFIED),
    ],
)
def test_a_build_tells_how_its_runs_behave(versioning: str, behaviour: VersioningBehavior):
    made = _deployment(WorkerSettings(versioning=versioning, build_id="2.0"))
    assert made is not None
    assert made.version.to_canonical_string() == "assay.2.0"
    assert (made.use_worker_versioning, made.default_versioning_behavior) == (versioning != "none", behaviour)


def test_a_worker_that_was_told_nothing_has_no_version():
    assert _deployment(WorkerSettings()) is None
