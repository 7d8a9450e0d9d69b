"""Services for runs."""

from dataclasses import dataclass

from api.inference.runs import Runs
from api.inference.stored_runs import StoredRuns
from services.log.checkpoint_wait import CheckpointWait
from services.policies.current import CurrentPolicy, PinnedPolicy
from services.runs.submissions import RunSubmissions


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """Terms of a stream.

    Attributes:
        keep_alive_seconds: the pause after which a sign of life is sent.
        wait_seconds: how long it stays open for the outcome of its run.
    """

    keep_alive_seconds: float = 10.0
    wait_seconds: float = 3600.0


@dataclass(frozen=True)
class InferenceServices:
    """Services of the routes that submit, read and cancel runs. ``wait_seconds``: how long a POST waits by default."""

    runs: Runs
    stored: StoredRuns
    checkpoints: CheckpointWait
    current: CurrentPolicy
    wait_seconds: float
    submissions: RunSubmissions
    streams: StreamTerms = StreamTerms()

    @property
    def policy(self) -> PinnedPolicy:
        """The policy that is current now. Read it once for what has to be under one policy."""
        return self.current.pinned
