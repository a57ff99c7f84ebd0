#!/usr/bin/env bash
# Tests every edge function by itself.
source "$(dirname "$0")/paths.sh"

"$STACK_ROOT/stack/node_packages.sh" stack
for function in "$STACK_ROOT"/supabase/functions/*/; do
  (cd "$function" && "$NODE_BIN/deno" task test)
done
