#!/usr/bin/env bash
# The example's page in Debian's Chromium, against a running stack, which is found as tests/clients/run.sh finds it.
source "$(dirname "$0")/../../stack/paths.sh"

[[ -n ${OCTROI_EXAMPLE_URL:-} ]] || die "OCTROI_EXAMPLE_URL is not set: run this through make test, or after 'set -a; source .local/env'"
"$STACK_ROOT/stack/packages.sh" chromium
"$STACK_ROOT/stack/node_packages.sh" tests/browser
node --test --test-concurrency=1 "$STACK_ROOT"/tests/browser/*.test.mjs
