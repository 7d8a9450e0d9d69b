"""Every detector that a policy can name, with the model of this repository."""

from pathlib import Path

from adapters.screening.detectors import load_detectors

DETECTORS = load_detectors(Path(__file__).resolve().parent.parent / "models")
