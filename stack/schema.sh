#!/usr/bin/env bash
# Writes the migrated schema and every right to tests/schema.sql and tests/acl.txt, and the register of personal data to
# docs/privacy.md, so that a review sees what a migration changes. `make test` compares (tests/tests/schema_snapshot.rs,
# privacy_register.rs).
source "$(dirname "$0")/paths.sh"

OCTROI_UPDATE_SNAPSHOTS=1 "$STACK_ROOT/stack/test_cluster.sh" \
  cargo test --quiet --locked --package octroi-tests --test schema_snapshot --test privacy_register
say "Written to tests/schema.sql, tests/acl.txt and docs/privacy.md"
