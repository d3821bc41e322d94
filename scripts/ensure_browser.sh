#!/usr/bin/env bash
# Prints the Chromium or Chrome that the browser tests drive, installing Debian's where there is
# none. RHOSCOPE_CHROMIUM=/path/to/browser overrides. Never skips: no browser is a failure.
set -euo pipefail

starts() { "$1" --version >/dev/null 2>&1; }

if [ -n "${RHOSCOPE_CHROMIUM:-}" ]; then
  starts "$RHOSCOPE_CHROMIUM" && { echo "$RHOSCOPE_CHROMIUM"; exit 0; }
  echo "RHOSCOPE_CHROMIUM is $RHOSCOPE_CHROMIUM, which does not start." >&2
  exit 1
fi

find_browser() {
  local name path
  for name in chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Chromium.app/Contents/MacOS/Chromium" \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    path=$(command -v "$name") || continue
    starts "$path" && { echo "$path"; return 0; }
  done
  return 1
}

find_browser && exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing Chromium for the browser tests …" >&2
  {
    apt-get update -qq
    # Without a font every glyph is an empty box; this family also has the mathematical ones.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu
  } >&2
  find_browser && exit 0
fi

echo "The browser tests need Chromium or Chrome, and none was found." >&2
echo "Install one (Debian: apt-get install chromium), or set RHOSCOPE_CHROMIUM to its path." >&2
exit 1
