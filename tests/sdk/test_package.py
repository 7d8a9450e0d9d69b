"""The SDK is a distribution of its own: it builds, imports without the rest of the project, and says what it lacks."""

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.paths import ROOT

MODULES = sorted(
    ".".join(path.relative_to(ROOT / "sdk").with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "sdk" / "assay_temporal").rglob("*.py")
)
IMPORT = """
import importlib, sys
sys.path[:0] = {path!r}
for name in {blocked!r}:
    sys.modules[name] = None
for name in {modules!r}:
    importlib.import_module(name)
print(*sorted(sys.modules))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a release would have it."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    done = subprocess.run(command, cwd=ROOT / "sdk", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [built] = target.glob("*.whl")
    return built


def imported(wheel: Path, modules: list[str], blocked: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Import in a process with only the wheel and third-party packages."""
    path = [str(wheel), sysconfig.get_paths()["purelib"]]
    program = IMPORT.format(path=path, modules=modules, blocked=blocked)
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )


def test_it_imports_alone_and_brings_nothing_of_ours(wheel: Path):
    done = imported(wheel, MODULES)
    assert done.returncode == 0, done.stderr
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {"adapters", "domain", "workflows"} <= ours
    assert not ours & {name.partition(".")[0] for name in done.stdout.split()}


def test_only_keys_from_vault_need_hvac_and_say_so(wheel: Path):
    plain = [name for name in MODULES if not name.startswith("assay_temporal.vault")]
    assert imported(wheel, plain, blocked=("hvac", "requests", "urllib3")).returncode == 0
    done = imported(wheel, ["assay_temporal.vault.team"], blocked=("hvac",))
    assert done.returncode != 0
    assert "assay-temporal[vault]" in done.stderr


def test_the_wheel_holds_the_package_with_its_types_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert "assay_temporal/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {"assay_temporal", "assay_temporal-0.1.0.dist-info"}


def test_what_it_names_is_there():
    import assay_temporal

    assert sorted(assay_temporal.__all__) == assay_temporal.__all__
    for name in assay_temporal.__all__:
        assert getattr(assay_temporal, name) is not None
    with pytest.raises(AttributeError):
        assay_temporal.nothing  # noqa: B018 - the look is the test


def test_the_readme_shows_what_is_there():
    readme = (ROOT / "sdk" / "README.md").read_text()
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```$", readme)
    assert len(blocks) == 2
    for block in blocks:
        names: dict[str, object] = {"__name__": "readme"}
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - ours; it defines and imports, and runs nothing
    for path in re.findall(r"`(examples/\S+)`", readme):
        assert (ROOT / "sdk" / path).is_file()


def test_its_dependencies_are_among_ours():
    """So that what is locked and tested is what it asks for."""
    sdk = tomllib.loads((ROOT / "sdk/pyproject.toml").read_text())["project"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for wanted in (*sdk["dependencies"], *sdk["optional-dependencies"]["vault"]):
        assert wanted in ours
