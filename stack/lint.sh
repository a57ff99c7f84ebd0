#!/usr/bin/env bash
# Checks formatting, lints and licences of everything, and changes nothing. All checks run, whatever fails before them.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/toolchain.sh"
cd "$STACK_ROOT"

stack/packages.sh shellcheck
stack/node_packages.sh stack
sql_linters=$(stack/lint_tools.sh)
failed=()

check() { # NAME COMMAND...
  say "== $1"
  "${@:2}" || failed+=("$1")
}

check_functions() {
  local settings function shared=supabase/functions/_shared
  for settings in supabase/functions/*/deno.json; do
    function=${settings%/deno.json}
    "$NODE_BIN/deno" fmt --check --config "$settings" "$function" $shared &&
      "$NODE_BIN/deno" lint --config "$settings" "$function" $shared &&
      "$NODE_BIN/deno" check --config "$settings" "$function/index.ts" "$function/door_test.ts" || return
  done
}

check rustfmt cargo fmt --all --check
check clippy cargo clippy --quiet --workspace --all-targets --locked -- --deny warnings
# Advisories need RustSec's database from the network: `cargo deny check advisories`, where that is possible.
check "cargo deny" cargo deny --offline --log-level error check bans licenses sources
check "edge functions" check_functions
check shellcheck shellcheck stack/*.sh tests/*/*.sh .ci/run
check sqlfluff "$sql_linters/sqlfluff" lint --processes 2 supabase/migrations pg_extension/sql tests/pgtap
check squawk "$sql_linters/squawk" supabase/migrations/*.sql

if ((${#failed[@]} > 0)); then die "these checks failed: ${failed[*]}"; fi
say "All checks passed"
