#!/usr/bin/env bash
# Installs the locked packages of an environment of the client suite where they are missing, and prints the directory
# in the cache that holds them: install.sh ENVIRONMENT. `node` and `codex` are npm's; the others are locks of
# python/, each a set of packages that agree on what they depend on.
source "$(dirname "$0")/../../../stack/paths.sh"
cd "$STACK_ROOT/tests/clients/suite"

environment=$1
lock=python/$environment.txt
[[ ! -f $environment/package-lock.json ]] || lock=$environment/package-lock.json
[[ -f $lock ]] || die "there is no environment $environment"
lock_hash=$(sha256sum <"$lock")
directory=$STACK_CACHE/client-suite/$environment-${lock_hash:0:16}

if [[ ! -f $directory/ready ]]; then
  say "Installing the clients of $environment"
  rm -rf "$directory"
  if [[ $lock == */package-lock.json ]]; then
    mkdir -p "$directory"
    cp "$environment/package.json" "$lock" "$directory"
    (cd "$directory" && npm ci --no-audit --no-fund --loglevel=error >&2)
  else
    python3 -m venv "$directory"
    # The lock is complete: nothing is left to resolve.
    "$directory/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$lock" >&2
  fi
  touch "$directory/ready"
fi
echo "$directory"
