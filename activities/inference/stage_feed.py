"""Publishes the beginning of each stage of a run to the feed of runs."""

from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.contracts import names
from assay_temporal.contracts import InferenceResult
from domain.inference.feed import StageBegun
from domain.inference.ports import RunFeed

_STAGES = {stage.name: StageBegun(stage.name) for stage in names.ALL}


class _Publishing(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, feed: RunFeed[InferenceResult]) -> None:  # noqa: A002 - theirs
        super().__init__(next)
        self._feed = feed

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - Temporal's signature
        info = activity.info()
        if info.workflow_id is not None and (event := _STAGES.get(info.activity_type)) is not None:
            self._feed.publish(info.workflow_id, event)
        return await super().execute_activity(input)


class StagesToFeed(Interceptor):
    """Publishes each attempt of a stage as its beginning."""

    def __init__(self, feed: RunFeed[InferenceResult]) -> None:
        """Take the feed."""
        self._feed = feed

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - theirs
        """See ``temporalio.worker.Interceptor``."""
        return _Publishing(next, self._feed)
