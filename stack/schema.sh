#!/usr/bin/env bash
# Writes the migrated schema and every right to tests/schema.sql and tests/acl.txt, so that a review sees what a
# migration changes. `make test` compares (tests/tests/schema_snapshot.rs).
source "$(dirname "$0")/paths.sh"

OCTROI_UPDATE_SNAPSHOTS=1 "$STACK_ROOT/stack/test_cluster.sh" \
  cargo test --quiet --locked --package octroi-tests --test schema_snapshot
say "Written to tests/schema.sql and tests/acl.txt"
