"""Every detector that a policy can name, with the model of this repository."""

from adapters.screening.detectors import load_detectors
from tests.paths import ROOT

DETECTORS = load_detectors(ROOT / "models")
