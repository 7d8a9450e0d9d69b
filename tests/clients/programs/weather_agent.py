"""The workflow of ``temporal_agents``: its sandbox loads a module of its own."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from agents import Agent, Runner, function_tool


@function_tool
def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"rain in {city}"


@workflow.defn
class WeatherAgent:
    """An agent that reports the weather."""

    @workflow.run
    async def run(self, prompt: str) -> str:
        """Run the agent."""
        agent = Agent(name="Reporter", instructions="Be brief.", model="fake", tools=[get_weather])
        return str((await Runner.run(agent, prompt)).final_output)
