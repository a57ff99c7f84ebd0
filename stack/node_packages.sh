#!/usr/bin/env bash
# Installs the locked node packages of each directory given, unless what is there already matches the lock file.
source "$(dirname "$0")/paths.sh"

command -v npm >/dev/null || die "no npm on PATH: install Node.js 20 or newer"

for directory in "$@"; do
  cd "$STACK_ROOT/$directory"
  lock_hash=$(sha256sum <package-lock.json)
  stamp=node_modules/.octroi-lock
  [[ $(cat "$stamp" 2>/dev/null) != "$lock_hash" ]] || continue
  say "Installing node packages of $directory"
  npm ci --no-audit --no-fund --loglevel=error >&2
  echo "$lock_hash" >"$stamp"
done
