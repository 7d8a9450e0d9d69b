"""The sets as a whole: generated and hand-written texts."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.unit.privacy.sets.harmless_code import CODE
from tests.unit.privacy.sets.harmless_numbers import NUMBERS
from tests.unit.privacy.sets.real import Planted, generated

_FOLDER = Path(__file__).parent
_OF_EACH_FAMILY = 18


def harmless(seed: str = "harmless") -> Iterator[tuple[str, str]]:
    """Yield a family's name and a text, for each of some 2,260 look-alikes."""
    for name, make in {**NUMBERS, **CODE}.items():
        rng = Random(f"{seed} {name}")
        yield from ((name, make(rng)) for _ in range(_OF_EACH_FAMILY))
    for line in (_FOLDER / "lines_harmless.txt").read_text("utf-8").splitlines():
        yield "by hand", line.replace("\\n", "\n")


def real(seed: str = "real") -> Iterator[Planted]:
    """Yield some 1,850 texts with a value in each. In the hand-written ones, guillemets surround the values."""
    yield from generated(seed)
    for line in (_FOLDER / "lines_real.txt").read_text("utf-8").splitlines():
        pieces = line.replace("\\n", "\n").replace("\u00bb", "\u00ab").split("\u00ab")
        text = "".join(pieces)
        yield from (Planted("by hand", text, value) for value in pieces[1::2])
