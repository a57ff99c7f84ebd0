#!/usr/bin/env bash
# Runs every test in clusters and a stack of its own, which disturb nothing that runs and are gone afterwards.
# All suites run, whatever fails before them; each closes with its runner's own line.
source "$(dirname "$0")/paths.sh"
cd "$STACK_ROOT"

failed=()

suite() { # NAME COMMAND...
  say "== $1"
  "${@:2}" || failed+=("$1")
}

# A suite that runs beside the next ones; what it prints stands together, where it is joined.
start() { # NAME COMMAND...
  started=$1
  started_log=$(mktemp "${TMPDIR:-/tmp}/octroi-suite.XXXXXXXX")
  "${@:2}" >"$started_log" 2>&1 &
  started_pid=$!
}

join_started() {
  local status=0
  wait "$started_pid" || status=$?
  say "== $started"
  cat "$started_log"
  rm -f "$started_log"
  ((status == 0)) || failed+=("$started")
}

case ${1:-all} in
all)
  suite "in a throwaway cluster" stack/test_cluster.sh "$0" in-cluster
  suite "in a stack" stack/test_stack.sh "$0" in-stack
  suite "edge functions" stack/test_functions.sh
  ;;
in-cluster)
  # The extension has no main of its own: it is tested through the database, by all that follows.
  suite "Rust, units" cargo test --quiet --locked --no-fail-fast --workspace --exclude octroi --exclude octroi-tests
  # Random lives keep one core busy, and stories wait more than they work. pg_prove cuts a URL at its first "=".
  start "pgTAP" pg_prove --dbname "${OCTROI_TEST_DATABASE_URL%%\?*}" tests/pgtap/*.sql
  suite "Rust, over Postgres" stack/test_stories.sh
  join_started
  suite "types" stack/types.sh check
  suite "advisors" "$NODE_BIN/supabase" db advisors --db-url "$OCTROI_TEST_DATABASE_URL" --fail-on warn
  suite "database linter" "$NODE_BIN/supabase" db lint --db-url "$OCTROI_TEST_DATABASE_URL" --fail-on error
  ;;
in-stack)
  suite "clients" tests/clients/run.sh
  suite "browser" tests/browser/run.sh
  suite "the quick ones of the client suite" tests/clients/suite/run.sh quick
  ;;
esac

if ((${#failed[@]} > 0)); then die "failed: ${failed[*]}"; fi
