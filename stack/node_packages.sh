#!/usr/bin/env bash
# Installs the locked node packages of each directory given, unless what is there already matches the lock file.
source "$(dirname "$0")/paths.sh"

# The engines of vite and chokidar, the strictest of what is installed: npm only warns where they are not met, and what
# fails then fails later and says less.
NODE_VERSIONS='20.19, or 22.12 and later,'

is_node_fit() { # VERSION, as `v20.19.0`
  local major minor
  IFS=. read -r major minor _ <<<"${1#v}"
  ((major == 20 && minor >= 19 || major == 22 && minor >= 12 || major > 22))
}

command -v npm >/dev/null || die "no npm on PATH: install Node.js $NODE_VERSIONS from https://nodejs.org"
node_version=$(node --version)
is_node_fit "$node_version" || die "Node.js $NODE_VERSIONS is needed, and node is $node_version"

for directory in "$@"; do
  cd "$STACK_ROOT/$directory"
  lock_hash=$(sha256sum <package-lock.json)
  stamp=node_modules/.octroi-lock
  [[ $(cat "$stamp" 2>/dev/null) != "$lock_hash" ]] || continue
  say "Installing node packages of $directory"
  npm ci --no-audit --no-fund --loglevel=error >&2
  echo "$lock_hash" >"$stamp"
done
