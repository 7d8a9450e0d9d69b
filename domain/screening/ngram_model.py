"""The classifier's model as a value, and its file format: weights, and the mapping of a sum to a score.

The file: ``ASSAYNG2``, then little-endian: the table's size as a power of two (1 byte), the number of points (1 byte),
scale and bias (8-byte floats), the points (margin and score, 8-byte floats each), and the weights, 1 signed byte each.
"""

import hashlib
import math
import struct
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter

from domain.screening.ngrams import LEAST_FEATURES, TABLE_BITS

NAME_CHARS = 16
"""Number of hexadecimal digits of its SHA-256 in a model's name."""
_RAISE = 128
_RAISED = bytes((byte + _RAISE) % 256 for byte in range(256))
_MAGIC = b"ASSAYNG2"
_HEAD = struct.Struct("<8sBBdd")
_POINT = struct.Struct("<dd")


@dataclass(frozen=True, slots=True)
class NgramModel:
    """Weights of hashed n-grams.

    Attributes:
        name: the first 16 hexadecimal digits of the file's SHA-256.
        scale: value of a weight of 1.
        bias: margin of a text without features.
        points: margins with their scores, both increasing; scores in between are interpolated linearly.
        weights: a signed byte for each position of the table.
        raised: the same plus 128, which are read faster.
    """

    name: str
    scale: float
    bias: float
    points: tuple[tuple[float, float], ...]
    weights: memoryview = field(repr=False)
    raised: bytes = field(repr=False)

    def margin(self, features: Collection[int]) -> float:
        """Return the log odds that a window with these features is an attack."""
        if not features:
            return self.bias
        length = math.sqrt(max(len(features), LEAST_FEATURES))
        first = self.raised[0]  # read as well, so that there are always several
        total: int = sum(itemgetter(0, *features)(self.raised)) - first - _RAISE * len(features)
        return self.scale * total / length + self.bias

    def score(self, margin: float) -> float:
        """Return the score, 0 to 1, of a margin."""
        above = bisect_right(self.points, (margin, math.inf))
        if above == 0:
            return self.points[0][1]
        if above == len(self.points):
            return self.points[-1][1]
        (left, low), (right, high) = self.points[above - 1], self.points[above]
        return low + (high - low) * (margin - left) / (right - left)


def unpack(data: bytes) -> NgramModel:
    """Parse a model's file.

    Raises:
        ValueError: it has another format, or another kind of features.
    """
    if len(data) < _HEAD.size:
        raise ValueError("is not a model")
    magic, bits, count, scale, bias = _HEAD.unpack_from(data)
    begin = _HEAD.size + count * _POINT.size
    if magic != _MAGIC or bits != TABLE_BITS or len(data) != begin + (1 << bits):
        raise ValueError("is not a model for these features")
    points = tuple(_POINT.iter_unpack(data[_HEAD.size : begin]))
    flat = [number for point in points for number in point]
    if not points or not all(map(math.isfinite, [scale, bias, *flat])) or not _rises(points):
        raise ValueError("contains numbers that give no valid score")
    name = hashlib.sha256(data).hexdigest()[:NAME_CHARS]
    return NgramModel(name, scale, bias, points, memoryview(data)[begin:].cast("b"), data[begin:].translate(_RAISED))


def pack(scale: float, bias: float, points: tuple[tuple[float, float], ...], weights: bytes) -> bytes:
    """Write a model's file."""
    head = _HEAD.pack(_MAGIC, TABLE_BITS, len(points), scale, bias)
    return head + b"".join(_POINT.pack(*point) for point in points) + weights


def _rises(points: tuple[tuple[float, ...], ...]) -> bool:
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(points))
    return rising and points[0][1] >= 0 and points[-1][1] <= 1
