#!/usr/bin/env bash
# Tests every edge function by itself.
source "$(dirname "$0")/paths.sh"

"$STACK_ROOT/stack/node_packages.sh" stack
for settings in "$STACK_ROOT"/supabase/functions/*/deno.json; do
  (cd "${settings%/deno.json}" && "$NODE_BIN/deno" task test)
done
