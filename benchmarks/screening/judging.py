"""Assay's own verdicts on many texts, by the code of ``assay screen``, in parallel processes."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from cli.screen.offline import Screener, read_policy_files
from config.settings import Settings
from domain.inference.content import TextKind
from domain.screening.verdicts import Decision

_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Judged:
    """A text's score and decision."""

    score: float
    decision: Decision

    @property
    def flagged(self) -> bool:
        """Return True unless it would pass."""
        return self.decision is not Decision.ALLOW


def judge(texts: Sequence[str | tuple[str, str]], policies: Path, jobs: int = 0) -> list[Judged]:
    """Judge texts, or texts with their kinds, in order. ``jobs`` of 0 is one for each processor."""
    document = read_policy_files(policies)
    workers = jobs or os.cpu_count() or 1
    if workers == 1:
        screener = Screener(document, Settings())
        return [_judged(screener, text) for text in texts]
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(document,)
    ) as pool:
        return list(pool.map(_judge, texts, chunksize=_CHUNK))


_here: list[Screener] = []  # the one of this process


def _start(document: bytes) -> None:
    _here.append(Screener(document, Settings()))


def _judge(text: str | tuple[str, str]) -> Judged:
    return _judged(_here[0], text)


def _judged(screener: Screener, text: str | tuple[str, str]) -> Judged:
    said, kind = (text, TextKind.PROMPT) if isinstance(text, str) else (text[0], TextKind(text[1]))
    verdict = screener.screen(said, kind)
    return Judged(verdict.score, verdict.judged)
