"""All time-outs and retry policies of the workflow.

| stage                          | an attempt | in all  | repeated                                                     |
|--------------------------------|------------|---------|--------------------------------------------------------------|
| short stages, local            | 2 s        | 2 s     | no: an absent store or Vault turns them into regular ones    |
| short stages, regular          | 5 s        | 24 h    | after 0.25 s, doubling to 1.5 s, during an outage |
| of long requests, local        | up to 8 s  | the same | no: what was judged so far is not judged again            |
| of long requests, regular      | up to 10 min | 24 h  | as above                                                     |
| ``invoke_model``, by default   | 70 s       | 3 min   | 4 attempts, after 0.5 s doubling to 10 s, or Retry-After     |
| ``invoke_model``, at most      | 3610 s     | 3 h     | the same; after a time-out never, whatever the length        |
| ``invoke_model``, handed over  | as before  | what is left, at least 1 s | at once: its worker stopped, no more |
| ``invoke_model``, no store     | as before  | 1 h more | after 1 s doubling to 60 s, by the workflow; no call begun |
| ``invoke_model``, heartbeats   | 5 s        |         | a worker that died is noticed within this                    |
| the run                        |            | 3 days  | no                                                           |
| steps of a sweep               | 60 s       | 1 h     | after 1 s, doubling to 30 s, during an outage                |
| a reconciliation sweep         |            | 1 day   | no: the next one continues                                   |
| a month's archive              | 6 h        | 12 h    | after 10 s, doubling to 10 min, during an outage             |
| a month's archive, heartbeats  | 60 s       |         | an archiver that died is noticed within this                 |
| a run of the archiver          |            | 23 h    | no: the next day's continues                                |

The time-outs of a model call follow from the model's own (``timeouts.total`` in the policy), which the run has from its
first stage. The activity itself ends a call that is too long; Temporal's time-out is for a worker that can't.

An attempt at a short stage is longer by 50 microseconds for each character of a request beyond 32,000: four times what
guards take at worst (decision 40), since processors are shared.

A local activity must stay below the 10 s of a workflow task, and a slot that waits for a store is a slot that no other
run has: hence two seconds, then regular. A day is longer than any outage that operators sleep through; a run
that waits costs nothing.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

from activities import failures
from domain.inference import run_lengths

LOCAL_ATTEMPT = timedelta(seconds=2)
LOCAL_RETRY = RetryPolicy(maximum_attempts=1)

PATIENT_ATTEMPT = timedelta(seconds=5)
PATIENT_TOTAL = run_lengths.STORE_WAIT
PATIENT_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.25), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=1.5)
)

LOCAL_MOST = timedelta(seconds=8)
PATIENT_MOST = timedelta(minutes=10)
_USUAL_CHARACTERS = 32_000
_A_CHARACTER = timedelta(microseconds=50)


@dataclass(frozen=True)
class StageLengths:
    """Time-outs of an attempt at a short stage: as a local activity, and as a regular one."""

    local: timedelta
    patient: timedelta


def short_stage(characters: int) -> StageLengths:
    """Return the time-outs for a request of that many characters."""
    more = _A_CHARACTER * max(0, characters - _USUAL_CHARACTERS)
    return StageLengths(min(LOCAL_ATTEMPT + more, LOCAL_MOST), min(PATIENT_ATTEMPT + more, PATIENT_MOST))


RUN_TOTAL = run_lengths.RUN_TOTAL

MODEL_STORE_PAUSES = tuple(timedelta(seconds=min(2**count, 60)) for count in range(65))

MODEL_GRACE = timedelta(seconds=10)
MODEL_LEFT = timedelta(seconds=1)
MODEL_HEARTBEAT = timedelta(seconds=5)
MODEL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.5),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=4,
    non_retryable_error_types=[failures.HANDED_OVER, "TemporalTimeout:StartToClose"],
)


@dataclass(frozen=True)
class ModelCallLengths:
    """Time-outs of an attempt at a model, and of all attempts."""

    attempt: timedelta
    total: timedelta


def model_call(seconds: float | None) -> ModelCallLengths:
    """Return the time-outs for a model with this call time-out. For None, as in runs of releases without it."""
    call = run_lengths.DEFAULT_MODEL_CALL if seconds is None else timedelta(seconds=seconds)
    return ModelCallLengths(call + MODEL_GRACE, run_lengths.all_attempts(call))


LOOK_ATTEMPT = timedelta(seconds=60)
LOOK_STEP_TOTAL = timedelta(hours=1)
LOOK_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)
LOOK_TOTAL = timedelta(days=1)

ARCHIVE_ATTEMPT = timedelta(hours=6)
ARCHIVE_TOTAL = timedelta(hours=12)
ARCHIVE_HEARTBEAT = timedelta(seconds=60)
ARCHIVE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=10), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=10)
)
ARCHIVE_RUN = timedelta(hours=23)
