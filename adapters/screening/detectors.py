"""All detectors that a policy can name, ready to run."""

from collections.abc import Mapping
from pathlib import Path

from adapters.screening.ngram_files import load_ngram_model
from domain.policy.reader import PolicyError
from domain.screening.detectors import ONNX, Detector
from domain.screening.ngrams_detector import Ngrams
from domain.screening.policy import ScreeningPolicy
from domain.screening.screen import DETECTORS


def load_detectors(
    models_dir: Path, policy: ScreeningPolicy | None = None, onnx_dir: Path | None = None, onnx_threads: int = 1
) -> Mapping[str, Detector]:
    """Load the detectors, with their models from ``models_dir``. With a policy, only if they can serve it.

    ``onnx`` is among them if ``onnx_dir`` has a model for it.

    Raises:
        PolicyError: a model can't be used, or differs from the policy's.
    """
    detectors: dict[str, Detector] = {**DETECTORS, Ngrams.name: Ngrams(load_ngram_model(models_dir))}
    if onnx_dir is not None:
        from adapters.screening.onnx import OnnxClassifier  # noqa: PLC0415 - only where it is wanted

        detectors[ONNX] = OnnxClassifier.load(onnx_dir, onnx_threads)
    if policy is not None:
        require_detectors(detectors, policy)
    return detectors


def require_detectors(detectors: Mapping[str, Detector], policy: ScreeningPolicy) -> None:
    """Check that these detectors can serve the policy.

    Raises:
        PolicyError: a detector has no model here, or another one than the policy's.
    """
    ngrams = detectors.get(Ngrams.name)
    if isinstance(ngrams, Ngrams) and Ngrams.name in policy.detectors and policy.ngram_model != ngrams.model.name:
        raise PolicyError(
            "screening.yaml: ngrams.model", f"names another model than the installed one, {ngrams.model.name}"
        )
    if (own := detectors.get(ONNX)) is not None:
        from adapters.screening.onnx import OnnxClassifier  # noqa: PLC0415 - as above

        if isinstance(own, OnnxClassifier) and policy.onnx:
            own.require(policy.onnx)
    elif ONNX in policy.detectors:
        raise PolicyError("screening.yaml: detectors", "names 'onnx', but no model directory is set")
