#!/usr/bin/env bash
# Runs a command against a throwaway stack, brought up as `make up` does it: test_stack.sh COMMAND...
# The command finds what .local/env has, OCTROI_SIM_URL and OCTROI_MAIL_DIRECTORY in its environment; nothing is left of
# the stack.
source "$(dirname "$0")/paths.sh"
STACK_STATE=$(mktemp -d "${TMPDIR:-/tmp}/octroi-test.XXXXXXXX")
# Not the user's settings: a test must never call the real OpenAI or Stripe.
STACK_SETTINGS=/dev/null
export STACK_STATE STACK_SETTINGS
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"

trap '"$STACK_ROOT/stack/reset.sh"' EXIT
"$STACK_ROOT/stack/up.sh" fsync=off

set -a
# shellcheck source=/dev/null
source "$STACK_STATE/env"
set +a
OCTROI_SIM_URL=http://127.0.0.1:$(port SIM)
OCTROI_MAIL_DIRECTORY=$STACK_STATE/mail
export OCTROI_SIM_URL OCTROI_MAIL_DIRECTORY
cd "$STACK_ROOT"
"$@"
