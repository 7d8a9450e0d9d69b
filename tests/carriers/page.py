"""``docs/coverage.md``, made from the matrix. Write it by ``python -m tests.carriers.page``."""

from typing import Final

from domain.inference.carriers.kinds import Carrier
from tests.carriers.matrix import ANSWERED, NAMES, OF_ANSWERS, OF_REQUESTS, SIGNED, cells
from tests.carriers.wires import FORMATS
from tests.paths import ROOT

PAGE: Final = ROOT / "docs" / "coverage.md"
_TOP: Final = """# Coverage of the guards

Each text of a request and of an answer has a carrier. Whatever the client's format, whole or as a stream, each carrier
is read by each guard. This page is made from the test that plants something to find in every cell and looks for it
(`tests/carriers`); the same test switches each guard off for one format and expects that exactly its cells fail.

Each run records for every carrier that it has the number of its texts and the severest decision, or the reason why
none was scanned; its receipt states the same ([audit](audit.md), `carriers`).

## Requests

"""
_NOTES: Final = """
- *screening*: rules and classifiers for attacks, by the origin of the text. *masking*: secrets and personal data.
  *sanitising*: hidden characters.
- Names are letters, digits and `_.:/-` alone, so that nothing can be hidden in them. A value that would be masked in a
  name refuses the request: names can't change.
- Reasoning that a provider has signed never changes. Hidden characters in it are found by the screening; a value that
  would be masked refuses the request.
- `POST /v1/inferences` has all of these carriers, by the same readers.

## Answers

"""
_UNREAD: Final = """
- *screening of answers*: secrets, markup that acts, and data that the request did not contain. *addresses of answers*:
  exfiltration by links and images, in arguments of calls as in text. *leaks*: words of the instructions.
- Chat completions have no reasoning in answers: it is judged all the same, and not written.

## Not scanned

| carrier | reason | decision |
|---|---|---|
| `image` | `unreadable` | `images` in `content.yaml`: for users, and for results of tools. An address is a text |
| `file` | `unreadable` | as images; no client's format carries other files than texts and images |
| `opaque` | `opaque` | allowed: signatures and encrypted reasoning go back to the format that made them, unchanged |
| any | `too_long` | review: it is longer than `max_scanned_chars` |
| any | `not_reached` | none: the run ended before, by another guard or a fault |
"""


def page() -> str:
    """Return the page."""
    names = [form.name for form in FORMATS]
    lines = [f"| carrier | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    carriers = [carrier for carrier in Carrier if any(carrier in form.places for form in FORMATS)]
    guards = {(cell.format, cell.carrier, cell.guard) for cell in cells()}
    for carrier in carriers:
        told = [
            ", ".join(guard for guard in OF_REQUESTS if (name, carrier, guard) in guards) or "has none"
            for name in names
        ]
        mark = " (name)" if carrier in NAMES else " (signed)" if carrier in SIGNED else ""
        lines.append(f"| `{carrier}`{mark} | {' | '.join(told)} |")
    answers = ["| carrier | guards, in every format |", "|---|---|"]
    answers += [f"| `answer.{carrier}` | {', '.join(OF_ANSWERS)} |" for carrier in ANSWERED]
    return _TOP + "\n".join(lines) + "\n" + _NOTES + "\n".join(answers) + "\n" + _UNREAD


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
