"""Logistic regression with a squared penalty on windows of hashed n-grams, quantised to bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from domain.screening.ngram_model import pack
from domain.screening.ngrams import LEAST_FEATURES, TABLE_BITS, features, windows
from domain.text.normalise.pipeline import normalise
from training.rows import OWN, Row

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PENALTY = 1.0
ITERATIONS = 60
SOURCE_POWER = 0.15
"""A source of n rows has the weight n to this power: thousands of similar rows are not thousands of kinds."""
GENERATED = 0.4
"""Factor of the weight of generated texts: families of a grammar are more uniform than prompts of people."""
POINTS = tuple((x / 2, 1 / (1 + 2.718281828459045 ** (1 - x / 2))) for x in range(-16, 25))
"""Score of a margin: the logistic function, shifted by one, which ranks best in combination with the rules."""


@dataclass(frozen=True)
class Windows:
    """Windows as rows of a sparse matrix, with the number of each one's text."""

    matrix: csr_matrix
    texts: Ints

    def highest(self, weights: Floats, bias: float, number: int) -> Floats:
        """Return each text's margin: that of its highest window. Texts without windows have the bias."""
        margins = np.full(number, -np.inf)
        np.maximum.at(margins, self.texts, self.matrix @ weights + bias)
        return np.where(np.isneginf(margins), bias, margins)

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Windows":
        """Return the windows of the chosen texts, which keep their numbers."""
        mask = chosen[self.texts]
        return Windows(self.matrix[mask], self.texts[mask])


def cut(texts: Sequence[str]) -> Windows:
    """Return windows of the texts' views, divided as when they are scored."""
    places: list[npt.NDArray[np.int32]] = []
    owners: list[int] = []
    for number, text in enumerate(texts):
        view = normalise(text).view.text
        for begin, end in windows(len(view)):
            found = features(view[begin:end])
            if found:
                places.append(np.array(sorted(found), dtype=np.int32))
                owners.append(number)
    sizes = np.array([len(place) for place in places])
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, LEAST_FEATURES)), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shape = (len(places), 1 << TABLE_BITS)
    return Windows(csr_matrix((values, np.concatenate(places), starts), shape=shape), np.array(owners))


def balance(rows: Sequence[Row]) -> Floats:
    """Return a weight for each row: by its source's size and origin, with the same total for both labels."""
    sources = np.array([row.source for row in rows])
    labels = np.array([row.label for row in rows])
    _names, index, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    weights = (sizes.astype(np.float64) ** (SOURCE_POWER - 1))[index]
    weights[[row.source.startswith(OWN) for row in rows]] *= GENERATED
    for label in (0, 1):
        mask = labels == label
        weights[mask] *= len(rows) / 2 / weights[mask].sum()
    return np.asarray(weights, dtype=np.float64)


def fit(cut_rows: Windows, labels: npt.NDArray[np.int64], weights: Floats) -> tuple[Floats, float]:
    """Return weights and bias of least loss. A text's weight is divided among its windows, which have its label."""
    counts = np.bincount(cut_rows.texts, minlength=len(labels))
    shares = (weights / np.maximum(counts, 1))[cut_rows.texts]
    signs = (2 * labels - 1)[cut_rows.texts]
    matrix, transposed = cut_rows.matrix, cut_rows.matrix.T.tocsr()

    def loss(point: Floats) -> tuple[float, Floats]:
        vector, bias = point[:-1], point[-1]
        margins = signs * (matrix @ vector + bias)
        slopes = -signs * shares / (1 + np.exp(np.clip(margins, -500, 500)))
        value = (shares * np.logaddexp(0, -margins)).sum() + PENALTY / 2 * (vector @ vector)
        return float(value), np.append(transposed @ slopes + PENALTY * vector, slopes.sum())

    start = np.zeros(matrix.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
    return found.x[:-1], float(found.x[-1])


def quantise(weights: Floats) -> tuple[npt.NDArray[np.int8], float]:
    """Return the weights as signed bytes, and the value of a byte of 1; none is clipped, as the largest detect most."""
    scale = float(np.abs(weights).max()) / 127
    return np.round(weights / scale).astype(np.int8), scale


def train(rows: Sequence[Row]) -> bytes:
    """Train the model's file from the rows. The same rows give the same bytes on the same machine."""
    labels = np.array([row.label for row in rows])
    weights, bias = fit(cut([row.text for row in rows]), labels, balance(rows))
    small, scale = quantise(weights)
    return pack(scale, bias, POINTS, small.tobytes())
