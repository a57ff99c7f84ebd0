#!/usr/bin/env bash
# Runs the benchmark on a durable throwaway cluster: bench.sh [peers]. The figures go to .local/bench.json.
source "$(dirname "$0")/paths.sh"

OCTROI_BENCH_OUT=$STACK_STATE/bench.json
export OCTROI_BENCH_OUT TEST_FSYNC=on
mkdir -p "$STACK_STATE"
exec "$STACK_ROOT/stack/test_cluster.sh" "$STACK_ROOT/tests/bench/run.sh" "$@"
