"""All detectors that a policy can name, ready to run."""

from collections.abc import Mapping
from pathlib import Path

from adapters.ngram_model_files import load_ngram_model
from domain.policy_reader import PolicyError
from domain.screening import DETECTORS
from domain.screening_detectors import Detector
from domain.screening_ngrams import Ngrams
from domain.screening_policy import ScreeningPolicy


def load_detectors(models_dir: Path, policy: ScreeningPolicy | None = None) -> Mapping[str, Detector]:
    """The detectors, with their models from ``models_dir``; where a policy is given, only if they can serve it.

    Raises:
        PolicyError: a model can't be used, or it is another one than the policy was made for.
    """
    model = load_ngram_model(models_dir)
    if policy and Ngrams.name in policy.detectors and policy.ngram_model != model.name:
        raise PolicyError("screening.yaml: ngrams.model", f"names another model than the one here, {model.name}")
    return {**DETECTORS, Ngrams.name: Ngrams(model)}
