#!/usr/bin/env bash
# Writes the migrated schema to supabase/schema.sql, so that a review sees what a migration changes.
# With --check, compares instead; the database is then the one of OCTROI_TEST_DATABASE_URL.
source "$(dirname "$0")/paths.sh"
committed=$STACK_ROOT/supabase/schema.sql

# Partitions carry the month of the run in their names; \restrict carries a random word.
dump() {
  "$POSTGRES_BIN/pg_dump" --dbname="$OCTROI_TEST_DATABASE_URL" --schema-only --no-owner \
    --schema=octroi --schema=octroi_private --exclude-table='octroi_private.usage_event_*' |
    grep -v -E '^(--|\\(un)?restrict |$)'
}

case ${1:-} in
--check)
  diff --unified "$committed" <(dump) || die "supabase/schema.sql is not what the migrations make: run make schema"
  ;;
--dump)
  dump >"$committed"
  ;;
*)
  "$STACK_ROOT/stack/test_cluster.sh" "$0" --dump
  say "Written to supabase/schema.sql"
  ;;
esac
