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

case ${1:-all} in
all)
  suite "in a throwaway cluster" stack/test_cluster.sh "$0" in-cluster
  suite "in a stack" stack/test_stack.sh "$0" in-stack
  suite "edge functions" stack/test_functions.sh
  ;;
in-cluster)
  # The extension has no main of its own: it is tested through the database, by all that follows.
  suite "Rust, units" cargo test --quiet --locked --no-fail-fast --workspace --exclude octroi --exclude octroi-tests
  suite "Rust, over Postgres" stack/test_stories.sh
  # pg_prove cuts a URL at its first "=".
  suite "pgTAP" pg_prove --dbname "${OCTROI_TEST_DATABASE_URL%%\?*}" tests/pgtap/*.sql
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
