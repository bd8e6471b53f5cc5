#!/bin/sh
# Installs what the tests start themselves (Redis, PostgreSQL, Chromium, Node) from Debian's packages, where it is absent.
set -eu

missing=""
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium fonts-dejavu-core"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "The tests need:$missing. This machine has no apt-get: install them by hand." >&2
    exit 2
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "The tests need:$missing. Run as root:  apt-get install$missing" >&2
        exit 2
    fi
    as_root="sudo"
fi
echo "Installing$missing …"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086  # one word per package is meant
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
