# shellcheck shell=bash
# Where the parts of a local stack live, and what they are pinned to. Sourced by every script here.
# STACK_STATE is one stack's own directory: `make test` runs a second stack beside the one of `make up`.
set -euo pipefail
# Postgres' own user reads what root makes here; what nobody else may read is made so where it is made.
umask 022

STACK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
STACK_STATE=${STACK_STATE:-$STACK_ROOT/.local}
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME

# Builds and tools are kept outside the checkout, and outlive it.
STACK_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/octroi
STACK_TOOLS=$STACK_CACHE/tools
NODE_BIN=$STACK_ROOT/stack/node_modules/.bin
# Of each checkout its own: cargo knows sources by their times only, and a checkout that shared this with another would
# now and then be given what was built from the other's code. CI names one, and sees to the times (.ci/run).
CHECKOUT_HASH=$(sha256sum <<<"$STACK_ROOT")
export CARGO_TARGET_DIR=$STACK_CACHE/targets/${STACK_TARGET:-${CHECKOUT_HASH:0:16}}
export PGRX_HOME=$STACK_CACHE/pgrx
export DENO_DIR=$STACK_CACHE/deno

POSTGRES_MAJOR=15
POSTGRES_BIN=/usr/lib/postgresql/$POSTGRES_MAJOR/bin
CARGO_PGRX_VERSION=0.18.1
RUST_MINIMUM_VERSION=1.95

# Deno trusts only its own list of authorities, which leaves out a company's proxy that the machine trusts.
export DENO_TLS_CA_STORE=system,mozilla

# The command line tools of this stack report nothing to anybody.
export DO_NOT_TRACK=1 SUPABASE_TELEMETRY_DISABLED=1 DENO_NO_UPDATE_CHECK=1 NPM_CONFIG_UPDATE_NOTIFIER=false
# A bare PATH may lack the places of runuser and its like.
export PATH=$STACK_TOOLS/bin:$PATH:/usr/sbin:/sbin

export STACK_ROOT STACK_STATE STACK_CACHE STACK_TOOLS NODE_BIN
export POSTGRES_MAJOR POSTGRES_BIN CARGO_PGRX_VERSION RUST_MINIMUM_VERSION

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}
