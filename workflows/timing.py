"""Every timeout and retry policy of the workflow, in one place.

| stage                          | an attempt | in all  | repeated                                                     |
|--------------------------------|------------|---------|--------------------------------------------------------------|
| short stages, local            | 2 s        | 2 s     | no: an absent store or Vault turns them into regular ones    |
| short stages, regular          | 5 s        | 24 h    | after 0.25 s, doubling to 1.5 s, while a store is away       |
| ``invoke_model``               | 60 s       | 3 min   | 4 attempts, after 0.5 s doubling to 10 s, or Retry-After     |
| ``invoke_model``, handed over  | 60 s       | what is left, at least 1 s | at once: its worker stopped, no more |
| ``invoke_model``, heartbeats   | 5 s        |         | a worker that died is noticed within this                    |
| the run                        |            | 3 days  | no                                                           |
| steps of a look                | 60 s       | 1 h     | after 1 s, doubling to 30 s, while a server is away          |
| a look for abandoned runs      |            | 1 day   | no: the next one goes on from there                          |
| a month's archive              | 6 h        | 12 h    | after 10 s, doubling to 10 min, while a server is away       |
| a month's archive, heartbeats  | 60 s       |         | an archiver that died is noticed within this                 |
| a run of the archiver          |            | 23 h    | no: the next day's goes on                                   |

A local activity must stay far below the 10 s of a workflow task, and a slot that waits for a store is a slot that no
other run has: hence two seconds, then regular. A day is longer than any outage that operators sleep through; a run
that waits costs nothing.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy

from activities import failures

LOCAL_ATTEMPT = timedelta(seconds=2)
LOCAL_RETRY = RetryPolicy(maximum_attempts=1)

PATIENT_ATTEMPT = timedelta(seconds=5)
PATIENT_TOTAL = timedelta(hours=24)
PATIENT_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.25), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=1.5)
)

RUN_TOTAL = timedelta(days=3)

MODEL_ATTEMPT = timedelta(seconds=60)
MODEL_TOTAL = timedelta(minutes=3)
MODEL_LEFT = timedelta(seconds=1)
MODEL_HEARTBEAT = timedelta(seconds=5)
MODEL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.5),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=4,
    non_retryable_error_types=[failures.HANDED_OVER],
)

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
