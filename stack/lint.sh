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
      "$NODE_BIN/deno" check --frozen --config "$settings" "$function"/*.ts || return
  done
}

# Known holes are told by registries that a machine may not reach; one that cannot be asked is no failure, and is said.
check_advisories() {
  local told
  if told=$(timeout 120 cargo deny --log-level error check advisories 2>&1); then return; fi
  if grep -qiE 'failed to (fetch|open|clone|acquire)|unable to (fetch|clone)|could not (resolve|connect)|network|timed out' <<<"$told"; then
    say "RustSec's database cannot be reached: not looked at"
    return
  fi
  printf '%s\n' "$told"
  return 1
}

check_npm_audit() {
  local lock told status=0
  while read -r lock; do
    if told=$(cd "${lock%/*}" && timeout 60 npm audit --package-lock-only --audit-level=high 2>&1); then continue; fi
    if grep -qE 'ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENOAUDIT|audit endpoint returned an error' <<<"$told"; then
      say "npm's advisories cannot be reached: $lock was not looked at"
      continue
    fi
    printf '%s\n' "$lock" "$told"
    status=1
  done < <(git ls-files '*package-lock.json')
  return $status
}

check rustfmt cargo fmt --all --check
check "rustfmt, the Rust front end" cargo fmt --manifest-path tests/clients/rust/Cargo.toml --check
check clippy cargo clippy --quiet --workspace --all-targets --locked -- --deny warnings
check "clippy, the Rust front end" cargo clippy --quiet --manifest-path tests/clients/rust/Cargo.toml --all-targets --locked -- --deny warnings
check "cargo deny" cargo deny --offline --log-level error check bans licenses sources
check "cargo deny, advisories" check_advisories
check "npm audit" check_npm_audit
check "edge functions" check_functions
check shellcheck shellcheck stack/*.sh tests/*/*.sh tests/*/*/*.sh .ci/run
check sqlfluff "$sql_linters/sqlfluff" lint --processes 2 supabase/migrations pg_extension/sql tests/pgtap
check squawk "$sql_linters/squawk" supabase/migrations/*.sql

if ((${#failed[@]} > 0)); then die "these checks failed: ${failed[*]}"; fi
say "All checks passed"
