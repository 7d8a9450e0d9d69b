"""Waiting for a run's outcome: by this process's feed, or by the workflow's result.

An outcome is final once its record is committed, before the workflow's last task is completed. A worker in the API's
process publishes it then, so that the caller need not wait for Temporal. See decision 11.
"""

import asyncio
from contextlib import closing

from temporalio.client import WorkflowFailureError

from api.inference import run_views
from api.inference.run_views import RunView
from assay_temporal.contracts import InferenceResult
from domain.inference.feed import FeedClosed
from services.runs.local_feed import LocalRunFeed
from services.runs.result_feed import ResultFeed, ResultSubscription


class Outcomes:
    """Outcomes of runs, from the first of two feeds that has them."""

    def __init__(self, here: LocalRunFeed[InferenceResult], results: ResultFeed[InferenceResult]) -> None:
        """Take the feed of this process, and the one over workflows' results."""
        self._here = here
        self._results = results

    def recorded(self, tenant: str, public_id: str) -> RunView | None:
        """The outcome delivered to a caller before Temporal has it, or None."""
        found = self._here.recorded(tenant, public_id)
        return None if found is None else run_views.ended(public_id, found.result, found.caller or None)

    async def first(self, tenant: str, public_id: str, after: float = 0.0) -> RunView:
        """The outcome; the run as running once the process stops.

        Temporal is asked ``after`` so many seconds, and no longer than needed.

        Raises:
            Refusal: NOT_FOUND; ENGINE_UNAVAILABLE, and what else is wrong with Temporal's answer.
        """
        loop = asyncio.get_running_loop()
        with (
            closing(self._here.subscribe(tenant, public_id)) as here,
            closing(self._results.subscribe(tenant, public_id)) as results,
        ):
            outcome = here.outcome()
            asking = None if outcome.done() else loop.call_later(after, _ask, results, outcome)
            try:
                return run_views.ended(public_id, await outcome)
            except FeedClosed:
                return run_views.running(public_id)
            except WorkflowFailureError as error:
                return run_views.failed(public_id, error)
            finally:
                if asking is not None:
                    asking.cancel()


def _ask(results: ResultSubscription[InferenceResult], outcome: "asyncio.Future[InferenceResult]") -> None:
    """Ask Temporal, and set ``outcome`` by its answer unless it is known by then."""

    def pass_on(asked: "asyncio.Future[InferenceResult]") -> None:
        if asked.cancelled():
            return
        error = asked.exception()
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(asked.result())

    results.outcome().add_done_callback(pass_on)
