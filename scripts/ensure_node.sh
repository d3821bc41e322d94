#!/usr/bin/env bash
# Checks Node.js and installs the locked development tools into node_modules.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "The tests need Node.js 20 or newer with npm; running Rhoscope does not. Install it and run make test again." >&2
  exit 1
fi
if ! node -e 'process.exit(parseInt(process.versions.node, 10) < 20 ? 1 : 0)'; then
  echo "The tests need Node.js 20 or newer: found $(node --version) at $(command -v node)." >&2
  exit 1
fi
npm ci --loglevel error
