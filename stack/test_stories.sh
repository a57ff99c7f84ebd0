#!/usr/bin/env bash
# Runs the stories of tests/tests against the throwaway cluster, several of their programs at once, since they wait more
# than they work: test_stories.sh [PROGRAM]. What a program prints stands together, once it has ended.
source "$(dirname "$0")/paths.sh"

PROGRAMS_AT_ONCE=2

if (($# == 1)); then
  status=0
  printed=$("$1" --quiet 2>&1) || status=$?
  name=${1##*/}
  printf '== %s, %s s\n%s\n' "${name%-*}" "$SECONDS" "$printed"
  exit "$status"
fi

cd "$STACK_ROOT/tests"
programs=$(cargo test --locked --no-run --message-format=json-render-diagnostics --package octroi-tests |
  jq -r 'select(.profile.test and .executable) | .executable')
xargs --max-procs "$PROGRAMS_AT_ONCE" --max-args 1 "$STACK_ROOT/stack/test_stories.sh" <<<"$programs" ||
  die "not every story is ok: see above"
