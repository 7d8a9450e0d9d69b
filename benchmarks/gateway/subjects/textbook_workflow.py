"""The textbook design's workflow: seven regular activities in a row, in Temporal's default sandbox."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.gateway.subjects import textbook_activities as stages
    from benchmarks.gateway.subjects.textbook_activities import Model, Prediction

_TIMEOUT = timedelta(seconds=60)


@workflow.defn
class Predict:
    """Validate, sanitise, screen, admit, invoke, screen, close."""

    @workflow.run
    async def run(self, asked: Prediction) -> Prediction:
        """Run every stage in turn."""
        found = await workflow.execute_activity(stages.validate, asked, start_to_close_timeout=_TIMEOUT)
        found = await workflow.execute_activity(stages.sanitise, found, start_to_close_timeout=_TIMEOUT)
        found = await workflow.execute_activity(stages.screen, found, start_to_close_timeout=_TIMEOUT)
        found = await workflow.execute_activity(stages.admit, found, start_to_close_timeout=_TIMEOUT)
        found = await workflow.execute_activity_method(Model.invoke, found, start_to_close_timeout=_TIMEOUT)
        found = await workflow.execute_activity(stages.screen_output, found, start_to_close_timeout=_TIMEOUT)
        return await workflow.execute_activity(stages.close, found, start_to_close_timeout=_TIMEOUT)
