"""The stages that workflows name are the activities that a worker has, with the types that they say."""

from typing import get_type_hints

import pytest

from activities.archive.months import ArchiveActivities
from activities.contracts import archive, names, reconciliation
from activities.contracts.stages import ProvenVerdict
from activities.inference.invoke import ModelActivities
from activities.inference.ledger import LedgerActivities
from activities.inference.screen import ScreeningActivities
from activities.inference.validate import ValidationActivities
from activities.reconciliation.sweep import AbandonedActivities
from domain.screening.verdicts import Verdict

DEFINED = {
    member.__temporal_activity_definition.name: member
    for group in (
        *(ValidationActivities, ScreeningActivities, LedgerActivities, ModelActivities),
        *(ArchiveActivities, AbandonedActivities),
    )
    for member in vars(group).values()
    if hasattr(member, "__temporal_activity_definition")
}

STAGES = (*names.ALL, *archive.ALL, *reconciliation.ALL)


def test_no_activity_is_left_out():
    assert {stage.name for stage in STAGES} == DEFINED.keys()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_takes_and_gives_what_it_says(stage: names.Stage):
    hints = get_type_hints(DEFINED[stage.name])
    gives = hints.pop("return")
    assert [*hints.values()] == [stage.takes]
    assert stage.gives is gives or (stage.gives is ProvenVerdict and gives is Verdict)  # the interceptor adds the proof
