#!/usr/bin/env bash
# Formats Rust, TypeScript and SQL in place.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/toolchain.sh"
cd "$STACK_ROOT"

stack/node_packages.sh stack
sql_linters=$(stack/lint_tools.sh)
cargo fmt --all
cargo fmt --manifest-path tests/clients/rust/Cargo.toml
"$NODE_BIN/deno" fmt supabase/functions/*/
"$sql_linters/sqlfluff" fix --processes 2 supabase/migrations pg_extension/sql tests/pgtap
