#!/usr/bin/env bash
# Prints the nginx that the tests put in front of the server, installing Debian's where there is
# none. RHOSCOPE_NGINX=/path/to/nginx overrides. Never skips: no nginx is a failure.
set -euo pipefail

if [ -n "${RHOSCOPE_NGINX:-}" ]; then
  "$RHOSCOPE_NGINX" -v 2>/dev/null && { echo "$RHOSCOPE_NGINX"; exit 0; }
  echo "RHOSCOPE_NGINX is $RHOSCOPE_NGINX, which does not start." >&2
  exit 1
fi

find_nginx() {
  # Debian has it where only root looks.
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/opt/homebrew/bin command -v nginx
}

find_nginx && exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing nginx for the tests of proxies …" >&2
  {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light
  } >&2
  find_nginx && exit 0
fi

echo "The tests of proxies need nginx, and none was found." >&2
echo "Install it (Debian: apt-get install nginx-light), or set RHOSCOPE_NGINX to its path." >&2
exit 1
