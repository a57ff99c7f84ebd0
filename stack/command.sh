# shellcheck shell=bash
# .local/bin/octroi: Octroi's command line on this stack, from any shell. Sourced by services.sh, whose settings it keeps.

# What the worker was started with, and the login that exports. The command goes by this file alone: what a shell happens
# to export for something else is neither spent nor written to.
write_command() {
  local name settings=$STACK_STATE/octroi.env
  install -m 600 /dev/null "$settings.new"
  for name in $(compgen -e | grep -E '^(OPENAI|STRIPE|OCTROI)_' | sort); do
    printf '%s=%q\n' "$name" "${!name}"
  done >"$settings.new"
  mv "$settings.new" "$settings"
  mkdir -p "$STACK_STATE/bin"
  cat >"$STACK_STATE/bin/octroi.new" <<'COMMAND'
#!/usr/bin/env bash
# Octroi's command line with the settings of this stack's worker. Written by `make up`.
set -euo pipefail
state=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)
[[ -r $state/octroi.env ]] || { echo "octroi: $state/octroi.env cannot be read: run make up, as the same user" >&2 && exit 78; }
for name in $(compgen -e | grep -E '^(OPENAI|STRIPE|OCTROI)_'); do unset "$name"; done
set -a
# shellcheck source=/dev/null
source "$state/octroi.env"
set +a
exec "$state/libexec/octroi" "$@"
COMMAND
  chmod 755 "$STACK_STATE/bin/octroi.new"
  mv -f "$STACK_STATE/bin/octroi.new" "$STACK_STATE/bin/octroi"
}
