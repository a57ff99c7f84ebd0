#!/usr/bin/env bash
# The clients that people have, each against a running stack, and our books against the provider's: run.sh all | quick |
# CLIENT... Where the stack is comes from the environment, as tests/clients/run.sh has it.
source "$(dirname "$0")/../../../stack/paths.sh"

for name in DATABASE_URL SUPABASE_URL SUPABASE_PUBLISHABLE_KEY OCTROI_URL OCTROI_EXAMPLE_URL OCTROI_SIM_URL; do
  [[ -n ${!name:-} ]] || die "$name is not set: run this through make test-clients"
done
"$STACK_ROOT/stack/packages.sh" chromium
"$STACK_ROOT/stack/node_packages.sh" tests/clients/js
exec node "$STACK_ROOT/tests/clients/suite/driver/main.mjs" "$@"
