#!/usr/bin/env bash
# Runs a command with a throwaway, migrated cluster: test_cluster.sh COMMAND...
# The command finds it in its environment (tests/src/lib.rs has the list); whatever happens, nothing is left of it.
# TEST_FSYNC=on makes it durable, for tests and figures that are about that.
source "$(dirname "$0")/paths.sh"
STACK_STATE=$(mktemp -d "${TMPDIR:-/tmp}/octroi-test.XXXXXXXX")
export STACK_STATE
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"
source "$(dirname "$0")/cluster.sh"

remove() {
  cluster_remove
  rm -rf "$STACK_STATE"
}
trap remove EXIT

"$STACK_ROOT/stack/packages.sh"
"$STACK_ROOT/stack/node_packages.sh" stack
extension=$("$STACK_ROOT/stack/build.sh")
"$STACK_ROOT/stack/database.sh" "$extension" "fsync=${TEST_FSYNC:-off}" max_connections=300
cluster_locate

# Tests that kill a Postgres make clusters of their own: here, as the one who may run them.
OCTROI_TEST_ROOT=$CLUSTER/clusters
mkdir "$OCTROI_TEST_ROOT"
OCTROI_TEST_OS_USER=
if ((EUID == 0)); then
  OCTROI_TEST_OS_USER=postgres
  chown postgres: "$OCTROI_TEST_ROOT"
fi
OCTROI_TEST_DATABASE_URL="postgres://postgres:$(secret POSTGRES_PASSWORD)@127.0.0.1:$(port POSTGRES)/postgres?sslmode=disable"
OCTROI_TEST_BIN=$STACK_STATE/libexec
OCTROI_PG_BINDIR=$CLUSTER_BIN
export OCTROI_TEST_ROOT OCTROI_TEST_OS_USER OCTROI_TEST_DATABASE_URL OCTROI_TEST_BIN OCTROI_PG_BINDIR

source "$(dirname "$0")/toolchain.sh"
cd "$STACK_ROOT"
"$@"
