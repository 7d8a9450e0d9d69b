"""``python -m benchmarks.agents``: guarding of a conversation that grows to 200,000 tokens, in processor time.

A turn is one request: sanitising, masking, screening, the token estimates, and screening of the answer, each as its
stage calls it. Parsing, hashing, encrypting and storing are not in it.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from activities.inference import guards as stages
from adapters.screening.detectors import load_detectors
from adapters.screening.phone_numbers import LibPhoneNumbers
from adapters.system.policy_files import load_policy_document
from benchmarks.agents.talk import AgentTalk
from benchmarks.tools.helper import ROOT
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of
from domain.inference.token_estimates import estimate_tokens, least_tokens
from domain.policy.document import parse_policy
from domain.ports import NO_TEXT_CACHE, TextCache
from services.text_caches import TextCaches

WARM_MS = 150
COLD_MS = 1_500
ANSWER = "I have changed the parser, see [the issue](https://tracker.example/issues/17), and the tests pass."


@dataclass(frozen=True)
class Turn:
    """Cost of a turn: milliseconds of processor time by part, and texts judged of all."""

    number: int
    characters: int
    texts: int
    judged: int
    parts: dict[str, float]

    @property
    def total(self) -> float:
        """Milliseconds of all parts."""
        return sum(self.parts.values())


class Guards:
    """The guards of one caller, with the shipped policy."""

    def __init__(self) -> None:
        """Load policy, detectors and telephone metadata."""
        self.policy = parse_policy(load_policy_document(ROOT / "policies", {}))
        self.detectors = load_detectors(ROOT / "models")
        self.phones = LibPhoneNumbers()
        self.caches = TextCaches(64 * 1024 * 1024, os.urandom(32))

    def judge(self, request: InferenceRequest, cache: TextCache) -> dict[str, float]:
        """Run all guards on a request and an answer."""
        policy, phones = self.policy, self.phones
        clean: list[Any] = []
        parts: dict[str, Callable[[], Any]] = {
            "tokens": lambda: (least_tokens(request, cache), estimate_tokens(request, cache)),
            "mask": lambda: clean.append(stages.clean_request(request, policy, "acme", phones, b"key", cache)),
            "screen": lambda: stages.screen_request(request, request, policy, policy.screening, self.detectors, cache),
            "answer": lambda: stages.screen_answer(ANSWER, clean[0][1].request, policy, phones, cache),
        }
        return {name: _milliseconds(work) for name, work in parts.items()}


def _milliseconds(work: Callable[[], Any]) -> float:
    begun = time.thread_time()
    work()
    return 1_000 * (time.thread_time() - begun)


def measured(turns: int, characters: int) -> tuple[list[Turn], Turn]:
    """Return the turns of a conversation, and its last one under another policy."""
    guards = Guards()
    guards.judge(AgentTalk(2).turn(), NO_TEXT_CACHE)  # patterns are compiled
    cache = guards.caches.of("acme", "caller", "policy")
    talk = AgentTalk(1, characters_a_turn=3 * characters // (4 * turns), tools=24)
    found: list[Turn] = []
    request = talk.request()
    for number in range(1, turns + 1):
        request = talk.turn()
        before = guards.caches.made["detector rules"]
        parts = guards.judge(request, cache)
        found.append(_turn(number, request, guards.caches.made["detector rules"] - before, parts))
    last = guards.judge(request, guards.caches.of("acme", "caller", "another policy"))
    return found, _turn(turns, request, len(texts_of(request)), last)


def _turn(number: int, request: InferenceRequest, judged: int, parts: dict[str, float]) -> Turn:
    texts = texts_of(request)
    return Turn(number, sum(len(text.text) for text in texts), len(texts), judged, parts)


def main(
    turns: Annotated[int, typer.Option(min=5, help="Turns of the conversation.")] = 50,
    characters: Annotated[int, typer.Option(min=10_000, help="Its code points in all, about.")] = 800_000,
) -> None:
    """Print what turns cost, and fail if the last one costs more than is demanded."""
    found, cold = measured(turns, characters)
    typer.echo("| turn | characters | texts | judged | " + " | ".join(cold.parts) + " | all, ms |")
    typer.echo("|" + " --: |" * (5 + len(cold.parts)))
    for turn in (*(turn for turn in found if turn.number in (1, 5, turns // 2, turns)), cold):
        parts = " | ".join(f"{value:.1f}" for value in turn.parts.values())
        typer.echo(f"| {turn.number} | {turn.characters} | {turn.texts} | {turn.judged} | {parts} | {turn.total:.0f} |")
    for name, turn, most in (("last turn", found[-1], WARM_MS), ("new policy", cold, COLD_MS)):
        typer.echo(f"{name}: {turn.total:.0f} ms, at most {most} demanded: {'PASS' if turn.total <= most else 'FAIL'}")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
