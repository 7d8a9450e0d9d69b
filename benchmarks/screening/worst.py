"""``python -m benchmarks.screening.worst``: time per character of every guard on the worst shapes of text, and its growth.

The exponent is that of the time between the two greatest lengths: 1 is linear, 2 quadratic.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from adapters.screening.phone_numbers import LibPhoneNumbers
from benchmarks.screening.shapes import SHAPES, filled, mixed
from benchmarks.tools.helper import ROOT
from cli.screen.offline import Screener, read_policy_files
from config.settings import Settings
from domain.answers.screen import screen_output
from domain.inference.requests import InferenceRequest, Message, Speaker, parse_request, request_hash
from domain.inference.token_estimates import estimate_text_tokens
from domain.policy.document import Policy
from domain.privacy.answers import add_data
from domain.privacy.finding import find
from domain.privacy.masking import mask_request
from domain.privacy.policy import DataKind
from domain.privacy.restoring import put_back
from domain.refusals import Refusal
from domain.screening.detectors import pair
from domain.screening.screen import screen
from domain.text.normalise.pipeline import normalise
from domain.text.sanitise import sanitise

LENGTHS = (1_000, 8_000, 32_000)
_ANSWER = 100_000
_MIXED = "a mixture of all"
_VALUES = (("[EMAIL_1_BCDF]", "a@example.com"), ("[PHONE_1_BCDF]", "+1 650 253 0000"))

Stage = Callable[[str], object]


def main(
    policies: Annotated[Path, typer.Option(help="The policy files.")] = ROOT / "policies",
    slow: Annotated[float, typer.Option(help="Print what takes as many microseconds per character.")] = 10.0,
    steep: Annotated[float, typer.Option(help="Print what grows with this exponent.")] = 1.3,
    only: Annotated[str, typer.Option(help="Stages to time, by the start of their names.")] = "",
    all_rows: Annotated[bool, typer.Option("--all", help="Print every stage on every shape.")] = False,
) -> None:
    """Time every stage on every shape. The worst shapes of each stage come last."""
    stages = {name: run for name, run in _stages(policies).items() if name.startswith(only)}
    worst: dict[str, list[tuple[float, float, str]]] = {name: [] for name in stages}
    typer.echo(f"{'stage':<22}{'shape':<24}{'us/char at ' + '  '.join(map(str, LENGTHS)):>34}  exponent")
    for shape in (*SHAPES, _MIXED):
        for name, run in stages.items():
            lengths = (*LENGTHS, _ANSWER) if name.startswith("answer") else LENGTHS
            taken = [_seconds(run, _text(shape, length)) for length in lengths]
            each = [seconds / length * 1e6 for seconds, length in zip(taken, lengths, strict=True)]
            growth = math.log(taken[-1] / taken[-2]) / math.log(lengths[-1] / lengths[-2])
            worst[name].append((each[-1], growth, shape))
            if all_rows or each[-1] >= slow or (growth >= steep and each[-1] >= 1):
                print(f"{name:<22}{shape:<24}{'  '.join(f'{one:9.2f}' for one in each):>34}  {growth:5.2f}", flush=True)
    _summary(worst)


def _summary(worst: Mapping[str, Sequence[tuple[float, float, str]]]) -> None:
    typer.echo("\nworst shapes of each stage, us/char at the greatest length")
    for name, rows in worst.items():
        typer.echo(f"{name:<22}{', '.join(f'{shape} {each:.2f}' for each, _, shape in sorted(rows)[:-4:-1])}")


def _text(shape: str, length: int) -> str:
    return mixed(length, seed=1) if shape == _MIXED else filled(SHAPES[shape], length)


def _seconds(run: Stage, text: str) -> float:
    """Return the best of up to three runs: a slow one is not repeated."""
    best = math.inf
    for _ in range(2):
        began = time.process_time()
        run(text)
        best = min(best, time.process_time() - began)
        if best > 0.2:  # noqa: PLR2004 - seconds
            break
    return best


def _stages(policies: Path) -> Mapping[str, Stage]:
    screener = Screener(read_policy_files(policies), Settings())
    policy, detectors, phones = screener.policy, screener.detectors, LibPhoneNumbers()
    privacy = policy.privacy
    if privacy is None:
        raise typer.BadParameter("the policy has no privacy.yaml")
    stages: dict[str, Stage] = {
        "parse": lambda text: _unless_refused(lambda: parse_request({"model": "m", "prompt": text}, policy.limits)),
        "hash": lambda text: request_hash({"model": "m", "prompt": text.encode("utf-8", "replace").decode()}),
        "tokens": estimate_text_tokens,
        "sanitise": lambda text: sanitise(text, policy.sanitising),
        "normalise": normalise,
    }
    for name in policy.screening.detectors:
        stages[f"detector {name}"] = _detector(name, screener)
    stages["prompt, screened"] = lambda text: screen(
        (Message(Speaker.USER, text),), (Message(Speaker.USER, text),), policy.screening, detectors
    )
    for kind in DataKind:
        stages[f"find {kind.value}"] = lambda text, kind=kind: _unless_refused(
            lambda: find(text, frozenset({kind}), privacy, phones)
        )
    stages["prompt, masked"] = lambda text: _unless_refused(
        lambda: mask_request(_request(text), privacy, "acme", phones, "seed")
    )
    return stages | _of_answers(policy, phones)


def _of_answers(policy: Policy, phones: LibPhoneNumbers) -> Mapping[str, Stage]:
    asked = (
        Message(Speaker.SYSTEM, filled(SHAPES["prose"], 2_000)),
        Message(Speaker.USER, "Write to the customer about account A1b2c3d4e5."),
    )
    privacy = policy.privacy
    assert privacy is not None  # noqa: S101 - checked by the caller

    def data(text: str) -> object:
        return add_data(screen_output("a", asked, policy.output), text, asked, privacy, phones)

    return {
        "answer, screened": lambda text: screen_output(text, asked, policy.output),
        "answer, as asked": lambda text: screen_output(text[:32_000], _echo(text), policy.output),
        "answer, data": data,
        "answer, restored": lambda text: put_back(text, _VALUES, ("Write.",)),
    }


def _echo(text: str) -> tuple[Message, ...]:
    return Message(Speaker.SYSTEM, text[:16_000]), Message(Speaker.USER, text[:16_000])


def _detector(name: str, screener: Screener) -> Stage:
    def run(text: str) -> object:
        return screener.detectors[name].inspect(prepared(text), policy)

    def prepared(text: str) -> tuple[object, ...]:
        if text not in kept:
            kept.clear()
            kept[text] = pair((Message(Speaker.USER, text),), (Message(Speaker.USER, text),), policy)
        return kept[text]

    policy = screener.policy.screening
    kept: dict[str, tuple[object, ...]] = {}
    return run


def _request(text: str) -> InferenceRequest:
    return InferenceRequest("m", (Message(Speaker.USER, text),), 0.7, 256)


def _unless_refused(run: Callable[[], object]) -> object:
    try:
        return run()
    except Exception as error:  # noqa: BLE001
        return type(error)


if __name__ == "__main__":
    typer.run(main)
