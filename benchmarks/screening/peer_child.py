"""Script in a peer's own environment: texts come in as JSON Lines, scores and milliseconds go out.

It does not import this project, which is not installed there.
"""

import json
import sys
import time
from collections.abc import Callable

Judge = Callable[[str], tuple[float, bool]]


def _jailguard() -> Judge:
    import jailguard  # type: ignore[import-not-found] # noqa: PLC0415 - each peer by itself

    jailguard.download_model()  # verifies the existing one

    def judge(text: str) -> tuple[float, bool]:
        found = jailguard.detect(text)
        return found.score, found.is_injection

    return judge


def _toolwall() -> Judge:
    from toolwall.detect import CompositeDetector  # type: ignore[import-not-found] # noqa: PLC0415

    detector = CompositeDetector(use_judge=False)  # its judge's weights are not available as a package

    def judge(text: str) -> tuple[float, bool]:
        score, _ = detector.score(text)
        return score, score >= 0.5  # noqa: PLR2004 - its own default

    return judge


def _aicordon() -> Judge:
    from aicordon import picket  # type: ignore[import-not-found] # noqa: PLC0415

    detector = picket.load()
    severity = {"low": 0.3, "medium": 0.6, "high": 0.9}

    def judge(text: str) -> tuple[float, bool]:
        report = detector.check(text)
        return (max(severity.get(report.severity or "", 0.5), 0.1) if report.flagged else 0.0), report.flagged

    return judge


def main() -> None:
    """Report the peer's state, then judge line by line."""
    judge = {"jailguard": _jailguard, "toolwall-guard": _toolwall, "aicordon": _aicordon}[sys.argv[1]]()
    judge("Hello")
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        text = json.loads(line)["text"]
        began = time.perf_counter()
        score, flagged = judge(text)
        taken = (time.perf_counter() - began) * 1000
        sys.stdout.write(json.dumps({"score": float(score), "flagged": bool(flagged), "ms": taken}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
