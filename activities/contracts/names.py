"""Names of the stages with their argument and result types: all that a workflow needs of an activity.

The workflow's sandbox imports the workflow's imports again for every run. Importing the activities themselves would
load every rule and adapter interface that they use: some 150 ms per run.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from activities.contracts.stages import (
    Admission,
    AdmitInput,
    Closed,
    CloseInput,
    InvokeInput,
    ModelReply,
    ProvenVerdict,
    SanitiseResult,
    ScreenInput,
    ScreenOutputInput,
    StageInput,
    Validated,
    ValidateInput,
)

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Stage(Generic[Given, Made]):
    """An activity: its name, and the types of its argument and its result."""

    name: str
    takes: type[Given]
    gives: type[Made]


VALIDATE_REQUEST = Stage("validate_request", ValidateInput, Validated)
SANITISE_PROMPT = Stage("sanitise_prompt", StageInput, SanitiseResult)
SCREEN_PROMPT = Stage("screen_prompt", ScreenInput, ProvenVerdict)
ADMIT_REQUEST = Stage("admit_request", AdmitInput, Admission)
INVOKE_MODEL = Stage("invoke_model", InvokeInput, ModelReply)
SCREEN_OUTPUT = Stage("screen_output", ScreenOutputInput, ProvenVerdict)
CLOSE_REQUEST = Stage("close_request", CloseInput, Closed)

ALL = (VALIDATE_REQUEST, SANITISE_PROMPT, SCREEN_PROMPT, ADMIT_REQUEST, INVOKE_MODEL, SCREEN_OUTPUT, CLOSE_REQUEST)
