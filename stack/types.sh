#!/usr/bin/env bash
# The TypeScript types of schema octroi, in supabase/types/octroi.ts. Writes them from a throwaway cluster; with `check`, which
# `make test` runs in a cluster that is there, says whether they are what the migrations say and fit supabase-js.
source "$(dirname "$0")/paths.sh"
cd "$STACK_ROOT"

types=supabase/types/octroi.ts
case ${1:-} in
check)
  stack/node_packages.sh stack stack/types
  DATABASE_URL=$OCTROI_TEST_DATABASE_URL node stack/types/generate.mjs --check $types
  stack/types/node_modules/.bin/tsc --project stack/types/tsconfig.json
  ;;
write)
  DATABASE_URL=$OCTROI_TEST_DATABASE_URL node stack/types/generate.mjs $types
  say "Written to $types"
  ;;
*)
  stack/node_packages.sh stack/types
  stack/test_cluster.sh stack/types.sh write
  ;;
esac
