"""An agent of OpenAI's Agents SDK as a workflow, by Temporal's own plugin: its model is the gateway."""

import asyncio
from datetime import timedelta

from agents import OpenAIProvider
from asked import serve
from temporalio.common import RetryPolicy
from temporalio.openai_agents import ModelActivityParameters, OpenAIAgentsPlugin
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from weather_agent import WeatherAgent

QUEUE = "agents"


async def _run(server: str, address: str, key: str, wire: str, prompt: str) -> str:
    provider = OpenAIProvider(base_url=f"{address}/v1", api_key=key, use_responses=wire == "responses")
    terms = ModelActivityParameters(
        start_to_close_timeout=timedelta(seconds=30), retry_policy=RetryPolicy(maximum_attempts=3)
    )
    plugin = OpenAIAgentsPlugin(model_params=terms, model_provider=provider)
    options = {"dev_server_existing_path": server, "dev_server_log_level": "never", "plugins": [plugin]}
    async with (
        await WorkflowEnvironment.start_local(**options) as environment,
        Worker(environment.client, task_queue=QUEUE, workflows=[WeatherAgent]),
    ):
        return await environment.client.execute_workflow(WeatherAgent.run, prompt, id=f"agent-{wire}", task_queue=QUEUE)


def run(server: str, address: str, key: str, wire: str, prompt: str) -> str:
    """Run the workflow on a development server of its own."""
    return asyncio.run(_run(server, address, key, wire, prompt))


if __name__ == "__main__":
    serve(run=run)
