"""``python -m benchmarks.screening.worst``: processor time of each guard on the worst shapes of text, and its growth.

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
from domain.inference.content import Message, Speaker
from domain.inference.parsing import parse_request, request_hash
from domain.inference.requests import InferenceRequest, bare_request
from domain.inference.token_estimates import estimate_text_tokens
from domain.policy.document import Policy
from domain.privacy.answers import add_data
from domain.privacy.finding import find
from domain.privacy.masking import mask_request
from domain.privacy.policy import DataKind, PrivacyPolicy
from domain.privacy.ports import TooMuchToScan
from domain.privacy.restoring import put_back
from domain.refusals import Refusal
from domain.screening.detectors import ScreenedText, pair
from domain.screening.screen import screen
from domain.text.normalise.pipeline import normalise
from domain.text.sanitise import sanitise

LENGTHS = (1_000, 8_000, 32_000)
_ANSWER = 100_000
_MIXED = "a mixture of all"
_VALUES = (("[EMAIL_1_BCDF]", "a@example.com"), ("[PHONE_1_BCDF]", "+1 650 253 0000"))

_ADDRESSES = f"![a](https://a.example/{'a' * 40}?b={'b' * 40}) [b](https://b.example/{'c1' * 40}) "

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
    """Return the better processor time of two runs: the first may include preparation."""
    best = math.inf
    for _ in range(2):
        began = time.process_time()
        run(text)
        best = min(best, time.process_time() - began)
    return best


def _stages(policies: Path) -> Mapping[str, Stage]:
    screener = Screener(read_policy_files(policies), Settings())
    policy, phones = screener.policy, LibPhoneNumbers()
    privacy = policy.privacy
    if privacy is None:
        raise typer.BadParameter("the policy has no privacy.yaml")

    def finding(kind: DataKind) -> Stage:
        return _unless_refused(lambda text: find(text, {kind}, privacy, phones.begin()))

    stages: dict[str, Stage] = {
        "parse": _unless_refused(lambda text: parse_request({"model": "m", "prompt": text}, policy.limits)),
        "hash": _unless_refused(lambda text: request_hash({"model": "m", "prompt": text})),
        "tokens": estimate_text_tokens,
        "sanitise": lambda text: sanitise(text, policy.sanitising),
        "normalise": normalise,
    }
    stages |= {f"detector {name}": _detector(name, screener) for name in policy.screening.detectors}
    stages["prompt, screened"] = lambda text: screen(
        _request(text), _request(text), policy.screening, screener.detectors
    )
    stages |= {f"find {kind.value}": finding(kind) for kind in DataKind}
    stages["prompt, masked"] = _unless_refused(
        lambda text: mask_request(_request(text), privacy, "acme", phones.begin(), b"seed")
    )
    return stages | _of_answers(policy, privacy, phones)


def _of_answers(policy: Policy, privacy: PrivacyPolicy, phones: LibPhoneNumbers) -> dict[str, Stage]:
    system = Message(Speaker.SYSTEM, filled(SHAPES["prose"], 2_000))
    asked = bare_request(system, Message(Speaker.USER, "Write to the customer about account A1b2c3d4e5."))
    verdict = screen_output("a", asked, policy.output)

    def prompted(text: str) -> object:
        """Judge an answer with addresses by a conversation of that shape."""
        halves = (Message(Speaker.SYSTEM, text[:16_000]), Message(Speaker.USER, text[:16_000]))
        return screen_output(_ADDRESSES + text[:4_000], bare_request(*halves), policy.output)

    return {
        "answer, screened": lambda text: screen_output(text, asked, policy.output),
        "answer, as prompted": prompted,
        "answer, data": lambda text: add_data(verdict, text, asked, privacy, phones.begin()),
        "answer, restored": lambda text: put_back(text, _VALUES, ("Write.",)),
    }


def _detector(name: str, screener: Screener) -> Stage:
    policy = screener.policy.screening
    prepared: dict[str, tuple[ScreenedText, ...]] = {}

    def run(text: str) -> object:
        if text not in prepared:
            prepared.clear()
            prepared[text] = pair(_request(text), _request(text), policy)
        return screener.detectors[name].inspect(prepared[text], policy)

    return run


def _request(text: str) -> InferenceRequest:
    return bare_request(Message(Speaker.USER, text))


def _unless_refused(run: Stage) -> Stage:
    def refused(text: str) -> object:
        try:
            return run(text)
        except (Refusal, TooMuchToScan, UnicodeEncodeError) as error:
            return type(error)

    return refused


if __name__ == "__main__":
    typer.run(main)
