"""Frameworks above the SDKs, each set up by address and key: an answer, one with a tool, one as a stream."""

import asyncio
from typing import Any

from asked import serve

MODEL = "fake"
LOOP = asyncio.new_event_loop()
"""One for all calls: frameworks keep connections, and those belong to a loop."""


def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"rain in {city}"


def openai_agents(address: str, key: str, wire: str, prompt: str, tool: bool = False, stream: bool = False) -> Any:
    """Run an agent of OpenAI's Agents SDK by chat completions or responses."""
    from agents import Agent, OpenAIProvider, RunConfig, Runner, function_tool

    provider = OpenAIProvider(base_url=f"{address}/v1", api_key=key, use_responses=wire == "responses")
    config = RunConfig(model_provider=provider, tracing_disabled=True)
    agent = Agent(
        name="Reporter", instructions="Be brief.", model=MODEL, tools=[function_tool(get_weather)] if tool else []
    )

    async def streamed() -> str:
        running = Runner.run_streamed(agent, prompt, run_config=config)
        async for _ in running.stream_events():
            pass
        return str(running.final_output)

    async def whole() -> str:
        return str((await Runner.run(agent, prompt, run_config=config)).final_output)

    return LOOP.run_until_complete(streamed() if stream else whole())


def langchain(address: str, key: str, wire: str, prompt: str, tool: bool = False, stream: bool = False) -> Any:
    """Call a chat model of LangChain, and with its tool's result once more."""
    from langchain_anthropic import ChatAnthropic
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool as as_tool
    from langchain_openai import ChatOpenAI

    model: Any
    if wire == "messages":
        model = ChatAnthropic(model=MODEL, base_url=address, api_key=key, max_tokens=200)
    else:
        model = ChatOpenAI(model=MODEL, base_url=f"{address}/v1", api_key=key, use_responses_api=wire == "responses")
    weather = as_tool(get_weather)
    bound = model.bind_tools([weather]) if tool else model
    said: list[Any] = [HumanMessage(prompt)]

    def answered() -> Any:
        if not stream:
            return bound.invoke(said)
        chunks = list(bound.stream(said))
        total = chunks[0]
        for chunk in chunks[1:]:
            total += chunk
        return total

    found = answered()
    while found.tool_calls:
        said.append(found)
        said += [ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in found.tool_calls]
        found = answered()
    return str(found.text)


def pydantic_ai(address: str, key: str, wire: str, prompt: str, tool: bool = False, stream: bool = False) -> Any:
    """Run an agent of Pydantic AI."""
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    model: Any
    if wire == "messages":
        model = AnthropicModel(MODEL, provider=AnthropicProvider(base_url=address, api_key=key))
    else:
        kind = OpenAIResponsesModel if wire == "responses" else OpenAIChatModel
        model = kind(MODEL, provider=OpenAIProvider(base_url=f"{address}/v1", api_key=key))
    agent: Any = Agent(model, instructions="Be brief.", tools=[get_weather] if tool else [])

    async def streamed() -> Any:
        async with agent.run_stream(prompt) as running:
            return await running.get_output()

    async def whole() -> Any:
        return (await agent.run(prompt)).output

    return LOOP.run_until_complete(streamed() if stream else whole())


def llm(address: str, key: str, wire: str, prompt: str, tool: bool = False, stream: bool = False) -> Any:
    """Ask by the library of the command ``llm``, by its class for services like OpenAI's."""
    from llm.default_plugins.openai_models import Chat

    assert wire == "chat"
    model = Chat(MODEL, model_name=MODEL, api_base=f"{address}/v1", supports_tools=True)
    model.key = key
    if tool:
        return model.chain(prompt, tools=[get_weather], stream=stream, key=key).text()
    return model.prompt(prompt, stream=stream, key=key).text()


if __name__ == "__main__":
    serve(openai_agents=openai_agents, langchain=langchain, pydantic_ai=pydantic_ai, llm=llm)
