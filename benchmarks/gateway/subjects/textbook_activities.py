"""The textbook design's stages: a regular activity each, with nearly empty bodies.

Each stage passes the whole state on, as in tutorials.
"""

import re
from dataclasses import dataclass, replace

import httpx2
from temporalio import activity

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
_LONGEST = 32_000


@dataclass(frozen=True)
class Prediction:
    """State of a request."""

    prompt: str
    temperature: float = 0.7
    caller: str = ""
    answer: str = ""
    tokens: int = 0


class RejectedError(Exception):
    """A stage rejected the request."""


@activity.defn
async def validate(prediction: Prediction) -> Prediction:
    """Check its length."""
    if not 1 <= len(prediction.prompt) <= _LONGEST:
        raise RejectedError("the prompt is empty or too long")
    return prediction


@activity.defn
async def sanitise(prediction: Prediction) -> Prediction:
    """Remove control characters."""
    return replace(prediction, prompt=_CONTROL.sub("", prediction.prompt).strip())


@activity.defn
async def screen(prediction: Prediction) -> Prediction:
    """Check for one phrase."""
    if "ignore previous instructions" in prediction.prompt.lower():
        raise RejectedError("the prompt was blocked")
    return prediction


@activity.defn
async def admit(prediction: Prediction) -> Prediction:
    """Charge nothing, record nothing."""
    return prediction


class Model:
    """The model call, with one client for all calls."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx2.AsyncClient(base_url=base_url, timeout=30, trust_env=False)

    @activity.defn
    async def invoke(self, prediction: Prediction) -> Prediction:
        """Call the model."""
        body = {
            "model": "fake",
            "messages": [{"role": "user", "content": prediction.prompt}],
            "temperature": prediction.temperature,
        }
        response = await self._http.post("/chat/completions", json=body)
        response.raise_for_status()
        found = response.json()
        content = found["choices"][0]["message"]["content"]
        return replace(prediction, answer=content, tokens=found["usage"]["total_tokens"])

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


@activity.defn
async def screen_output(prediction: Prediction) -> Prediction:
    """Check for one phrase."""
    if "BEGIN PRIVATE KEY" in prediction.answer:
        raise RejectedError("the answer was blocked")
    return prediction


@activity.defn
async def close(prediction: Prediction) -> Prediction:
    """Settle nothing, record nothing."""
    return prediction
