"""Services for runs."""

from dataclasses import dataclass

from api.inference.runs import Runs
from services.log.checkpoint_wait import CheckpointWait
from services.policies.current import CurrentPolicy, PinnedPolicy


@dataclass(frozen=True)
class InferenceServices:
    """Services of the routes that submit, read and cancel runs. ``wait_seconds``: how long a POST waits by default."""

    runs: Runs
    checkpoints: CheckpointWait
    current: CurrentPolicy
    wait_seconds: float

    @property
    def policy(self) -> PinnedPolicy:
        """The policy that is current now. Read it once for what has to be under one policy."""
        return self.current.pinned
