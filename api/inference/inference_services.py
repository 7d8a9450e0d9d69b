"""Services for runs."""

from dataclasses import dataclass

from api.inference.runs import Runs
from domain.policy.document import Policy
from services.log.checkpoint_wait import CheckpointWait


@dataclass(frozen=True)
class PinnedPolicy:
    """Policy to which new runs are pinned."""

    hash: str
    policy: Policy


@dataclass(frozen=True)
class InferenceServices:
    """Services of the routes that submit, read and cancel runs. ``wait_seconds``: how long a POST waits by default."""

    runs: Runs
    checkpoints: CheckpointWait
    policy: PinnedPolicy
    wait_seconds: float
