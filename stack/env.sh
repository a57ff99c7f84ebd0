#!/usr/bin/env bash
# Writes what a client needs to .local/env, in shell syntax. With the demo's key, which the demo itself obtains.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"

file=$STACK_STATE/env
demo_key=$(sed -n 's/^OCTROI_DEMO_KEY=//p' "$file" 2>/dev/null || true)
umask 077

write_env() {
  cat >"$file.new" <<ENV
DATABASE_URL='postgres://postgres:$(secret POSTGRES_PASSWORD)@127.0.0.1:$(port POSTGRES)/postgres?sslmode=disable'
SUPABASE_URL=http://127.0.0.1:$(port LITE)
SUPABASE_PUBLISHABLE_KEY=$(secret PUBLISHABLE_KEY)
SUPABASE_SECRET_KEY=$(secret SECRET_KEY)
OCTROI_URL=http://127.0.0.1:$(port WORKER)
OCTROI_EXAMPLE_URL=http://127.0.0.1:$(port EXAMPLE)
OCTROI_DEMO_KEY=$demo_key
ENV
  if cmp --silent "$file.new" "$file"; then rm "$file.new"; else mv "$file.new" "$file"; fi
}

write_env
if [[ -z $demo_key ]]; then
  set -a
  # shellcheck source=/dev/null
  source "$file"
  set +a
  # Only the key goes to stdout; what the demo shows goes to stderr, to the user.
  demo_key=$(DEMO_PASSWORD=$(secret DEMO_PASSWORD) node "$STACK_ROOT/stack/demo/run.mjs")
  write_env
fi
