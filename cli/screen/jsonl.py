"""Strict JSON Lines input and atomic output: a file is written whole or not at all."""

import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

STREAM = "-"
"""Name of standard input or output."""

_BOM = b"\xef\xbb\xbf"


class BadLine(Exception):
    """A line can't be used. Names its number and field, never its content."""

    def __init__(self, number: int, field: str, what: str) -> None:
        super().__init__(number, field, what)
        self.number, self.field, self.what = number, field, what

    def __str__(self) -> str:
        """Return the message for people."""
        return ": ".join(part for part in (f"line {self.number}", self.field, self.what) if part)


def parse(number: int, line: bytes) -> dict[str, Any]:
    """Parse the object on a line.

    Raises:
        BadLine: it is not one JSON object (RFC 8259) in UTF-8.
    """
    if number == 1:
        line = line.removeprefix(_BOM)
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise BadLine(number, "", "is not UTF-8") from None
    except (ValueError, RecursionError):
        raise BadLine(number, "", "is not JSON") from None
    if not isinstance(value, dict):
        raise BadLine(number, "", "must be a JSON object")
    return value


def text_of(number: int, row: dict[str, Any], field: str = "text") -> str:
    """Return a member that must be a string.

    Raises:
        BadLine: it is missing or something else.
    """
    if field not in row:
        raise BadLine(number, field, "is missing")
    if not isinstance(row[field], str):
        raise BadLine(number, field, "must be a string")
    return str(row[field])


def encode(row: dict[str, Any]) -> str:
    """Encode a line in ASCII, so that no text can control a terminal."""
    return json.dumps(row, separators=(", ", ": ")) + "\n"


def lines_of(name: str) -> Iterator[tuple[int, bytes]]:
    """Yield lines of a file, or of standard input, numbered from 1.

    Raises:
        OSError: it can't be read.
    """
    if name == STREAM:
        yield from enumerate(sys.stdin.buffer, 1)
        return
    with Path(name).open("rb") as file:
        yield from enumerate(file, 1)


def batches(lines: Iterable[tuple[int, bytes]], size: int) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the lines in lists of at most ``size``."""
    batch: list[tuple[int, bytes]] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def written(name: str) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when the block succeeds. Otherwise an existing file stays.

    Readable by its owner only, since it contains prompts. Standard output, pipes and devices are written as a stream.

    Raises:
        OSError: it can't be written.
    """
    path = Path(name)
    if name == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with path.open("wb") as stream:
            yield stream
    else:
        with _draft(path.resolve()) as file:
            yield file


@contextmanager
def _draft(path: Path) -> Iterator[BinaryIO]:
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
