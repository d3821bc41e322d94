#!/usr/bin/env bash
# Prints what constraints.txt should hold: the newest versions that pyproject.toml admits, as
# resolved into an empty environment. torch stays at the version given (default: the one pinned).
set -euo pipefail
cd "$(dirname "$0")/.."

torch=${1:-$(sed -n 's/^torch==//p' constraints.txt)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$(scripts/find_python.sh)" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --upgrade "torch==$torch" setuptools uv '.[dev]' >&2

echo "# Every version that the tests ran with. Written by scripts/pin.sh; pip reads it with -c."
# "+cpu" names one build of a release; a pin must admit the others too.
"$work/venv/bin/pip" freeze --all --exclude rhoscope --exclude pip | sed -E 's/^(torch==[0-9.]+)\+[a-z0-9.]+$/\1/' |
  LC_ALL=C sort -f
