"""Files of the classifier's model: ``ngrams.bin``, and ``ngrams.json``, which describes it."""

import hashlib
import json
from pathlib import Path

from domain.policy.reader import PolicyError
from domain.screening.ngram_model import NgramModel, unpack

_WEIGHTS = "ngrams.bin"
_ABOUT = "ngrams.json"


def load_ngram_model(directory: Path) -> NgramModel:
    """Read the model, and check that it is complete and matches its description.

    Raises:
        PolicyError: ``where`` is the file.
    """
    try:
        data = (directory / _WEIGHTS).read_bytes()
    except OSError as error:
        raise PolicyError(_WEIGHTS, "can't be read") from error
    try:
        about = json.loads((directory / _ABOUT).read_text(encoding="utf-8"))
        wanted = about["weights_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PolicyError(_ABOUT, "can't be read as a model description") from error
    if hashlib.sha256(data).hexdigest() != wanted:
        raise PolicyError(_WEIGHTS, f"is not the file described by {_ABOUT}")
    try:
        return unpack(data)
    except ValueError as error:
        raise PolicyError(_WEIGHTS, str(error)) from error
