#!/usr/bin/env bash
# Prints a Python that can make the environment: 3.11 to 3.14, with venv and pip's installer.
# The plain python3 comes first: it is the one its user chose. PYTHON=... overrides.
set -euo pipefail

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
without_venv=

for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
  path=$(command -v "$name") || continue
  "$path" -c "$fits" 2>/dev/null || continue
  if "$path" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$path"
    exit 0
  fi
  without_venv=$path
done

if [ -n "$without_venv" ]; then
  echo "$without_venv cannot make a virtual environment: its venv module is missing." >&2
  echo "On Debian and Ubuntu: apt-get install python3-venv; then run make again." >&2
else
  echo "No Python from 3.11 to 3.14 found (tried: ${PYTHON:-python3, python3.14 … python3.11})." >&2
  echo "Install one, or name it: make PYTHON=/path/to/python3.12 run" >&2
fi
exit 1
