#!/usr/bin/env bash
# Measures Octroi on a durable throwaway cluster in .local/bench: bench.sh [peers]. The figures go to .local/bench.json
# (.local/bench_peers.json), and as a table beside it. BENCH_QUICK=1 measures little, to see that everything runs.
source "$(dirname "$0")/paths.sh"
: "${BENCH_OUTPUT:=$STACK_STATE}"
STACK_STATE=$BENCH_OUTPUT/bench
export BENCH_OUTPUT STACK_STATE
mkdir -p "$STACK_STATE"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"
source "$(dirname "$0")/cluster.sh"
[[ -n ${STACK_LOCKED:-} ]] || run_locked "$0" "$@"
source "$(dirname "$0")/toolchain.sh"
cd "$STACK_ROOT"

mkdir -p "$LOGS"
stack/packages.sh
stack/node_packages.sh stack
extension=$(stack/build.sh)
BENCH_NGINX=$(tests/bench/debian_program.sh nginx-light nginx)
# With the same packages as in build.sh, so that it is built from what was built there.
cargo build --release --locked -p octroi-worker -p octroi-sim -p octroi-bench >&2
install --compare "$CARGO_TARGET_DIR/release/octroi-bench" "$STACK_STATE/libexec/octroi-bench"

part=run
BENCH_JSON=$BENCH_OUTPUT/bench.json
BENCH_PEERS=$BENCH_OUTPUT/peers
if [[ ${1:-} == peers ]]; then
  part=peers
  BENCH_JSON=$BENCH_OUTPUT/bench_peers.json
  tests/bench/install_peers.sh "$BENCH_PEERS" gateways
elif [[ ,${BENCH_SECTIONS:-drain}, == *,drain,* ]]; then
  tests/bench/install_peers.sh "$BENCH_PEERS" queues
fi

trap cluster_remove EXIT
# One that was killed leaves its cluster.
cluster_remove
# As in the measurements that the targets come from. 200 MB/s of WAL must not make the server checkpoint all the time.
stack/database.sh "$extension" shared_buffers=2GB max_wal_size=8GB

server="127.0.0.1:$(port POSTGRES)/postgres?sslmode=disable"
BENCH_DATABASE_URL=postgres://postgres:$(secret POSTGRES_PASSWORD)@$server
BENCH_WORKER_DATABASE_URL=postgres://octroi_worker:$(secret WORKER_PASSWORD)@$server
BENCH_CHECKOUT=$STACK_ROOT BENCH_BIN=$STACK_STATE/libexec BENCH_STATE=$LOGS BENCH_PGBENCH=$POSTGRES_BIN/pgbench
export BENCH_DATABASE_URL BENCH_WORKER_DATABASE_URL BENCH_CHECKOUT BENCH_PEERS BENCH_BIN BENCH_STATE BENCH_PGBENCH BENCH_NGINX BENCH_JSON
"$STACK_STATE/libexec/octroi-bench" "$part"
say "The figures are in $BENCH_JSON"
