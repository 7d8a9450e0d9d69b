"""Screening time of one text in this process, by length: the service's time before the model call."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.screening.obfuscate import TECHNIQUES
from benchmarks.screening.rows import Row, sample
from benchmarks.tools.figures import percentile
from cli.screen.offline import Screener, read_policy_files
from config.settings import Settings
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.screening.screen import screen
from domain.text.normalise.pipeline import normalise
from domain.text.sanitise import sanitise

LENGTHS = (100, 200, 1_000, 4_000)
DISGUISES = ("leet", "zero_width", "base64", "spacing")
_DISGUISED = 1_000
_TEXTS = 300
_WARM = 30


def texts_of(rows: Sequence[Row], length: int, count: int = _TEXTS) -> list[str]:
    """Return so many texts of exactly that length: rows, joined and cut."""
    texts: list[str] = []
    rest = ""
    for row in sample(rows, len(rows), seed=length):
        rest += row.text + "\n"
        while len(rest) >= length and len(texts) < count:
            texts.append(rest[:length])
            rest = rest[length:]
        if len(texts) >= count:
            break
    return texts


def latencies(rows: Sequence[Row], policies: Path) -> dict[str, Any]:
    """Return milliseconds, p50 and p99, by length and stage."""
    stages = _stages(Screener(read_policy_files(policies), Settings()))
    return {
        str(length): {name: timed(stage, texts_of(rows, length)) for name, stage in stages.items()}
        for length in LENGTHS
    }


def disguised(rows: Sequence[Row], policies: Path) -> dict[str, Any]:
    """Return the same for attacks of 1,000 code points, plain and by disguise."""
    stages = _stages(Screener(read_policy_files(policies), Settings()))
    plain = texts_of([row for row in rows if row.attack], _DISGUISED)
    texts = {"attacks, plain": plain}
    for name in DISGUISES:
        random = Random(0)
        texts[f"attacks, {name}"] = [TECHNIQUES[name](text, random)[:_DISGUISED] for text in plain]
    return {name: {stage: timed(run, some) for stage, run in stages.items()} for name, some in texts.items()}


def timed(stage: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    """Return the milliseconds of processor time of a stage per text."""
    for text in texts[:_WARM]:
        stage(text)
    taken: list[float] = []
    for text in texts:
        began = time.process_time()
        stage(text)
        taken.append((time.process_time() - began) * 1000)
    if not taken:
        return {}
    return {"p50_ms": round(percentile(taken, 50), 3), "p99_ms": round(percentile(taken, 99), 3)}


def _stages(screener: Screener) -> Mapping[str, Callable[[str], object]]:
    policy = screener.policy

    def judge(text: str) -> object:
        request = bare_request(Message(Speaker.USER, text))
        return screen(request, request, policy.screening, screener.detectors)

    return {
        "sanitise": lambda text: sanitise(text, policy.sanitising),
        "normalise": normalise,
        "normalise and detect": judge,
        "all": screener.screen,
    }
