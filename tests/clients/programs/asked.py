"""Loop of a client program: a JSON object a line says what to do, a JSON object a line says what came of it.

Client programs run in the environment of ``scripts/setup clients``, so they import nothing of the project.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO


def serve(**actions: Callable[..., Any]) -> None:
    """Carry out what is asked until the input ends: ``{"do": NAME, ...arguments}``."""
    # What libraries and their children print goes to the errors: the output is for answers alone.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    say({"ready": sorted(actions)}, answers)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            found = {"found": actions[asked.pop("do")](**asked)}
        except Exception as error:  # noqa: BLE001 - errors are what is looked at
            found = {"error": described(error)}
        say(found, answers)


def say(answer: object, to: TextIO) -> None:
    """Write one line."""
    to.write(json.dumps(answer, default=str) + "\n")
    to.flush()


def described(error: BaseException) -> dict[str, Any]:
    """Return an error's class, its causes' classes, its text, and the members that clients read."""
    read = {name: getattr(error, name, None) for name in ("status_code", "code", "request_id", "body", "type")}
    headers = getattr(getattr(error, "response", None), "headers", {})
    causes = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 8:
        causes.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return {**read, "class": type(error).__name__, "causes": causes, "text": str(error), "headers": dict(headers)}
