#!/usr/bin/env bash
# Starts the stack's services, or leaves them be when they run already as they would be started now.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"
cd "$STACK_ROOT"

BIN=$STACK_STATE/bin
settings_file=${STACK_SETTINGS:-.env}
database=127.0.0.1:$(port POSTGRES)/postgres

# offer NAME PREFERRED: a port for a service that is down; one that runs keeps its own.
offer() { service_pid "$1" >/dev/null || choose_port "${1^^}" "$2"; }

# The user's settings are OPENAI_API_KEY and the OCTROI_ variables of .env. What the calling shell happens to export is
# not: a key exported for something else would be spent here.
read_settings() {
  local line name
  for name in $(compgen -e | grep -E '^(OPENAI|OCTROI)_'); do unset "$name"; done
  [[ -r $settings_file ]] || return 0
  while IFS= read -r line; do
    line=${line#export }
    [[ ! $line =~ ^(OPENAI_API_KEY|OCTROI_[A-Z_]+)=\"?([^\"]*)\"?$ ]] || export "${BASH_REMATCH[1]}=${BASH_REMATCH[2]}"
  done <"$settings_file"
}

fingerprint_of() { sha256sum "$@"; }

start_sim() {
  offer sim 54629
  service_start sim "$(port SIM) $(fingerprint_of "$BIN/octroi-sim")" \
    "$BIN/octroi-sim" openai --listen "127.0.0.1:$(port SIM)"
  service_wait sim "http://127.0.0.1:$(port SIM)/v1/models"
}

start_worker() {
  offer worker 8787
  OCTROI_DATABASE_URL="postgres://octroi_worker:$(secret WORKER_PASSWORD)@$database?sslmode=disable"
  OCTROI_JWT_SECRET=$(secret JWT_SECRET)
  OCTROI_LISTEN=127.0.0.1:$(port WORKER)
  OCTROI_JWT_ISSUER=$issuer
  export OCTROI_DATABASE_URL OCTROI_JWT_SECRET OCTROI_JWT_ISSUER OCTROI_LISTEN
  OCTROI_SAFETY_KEY=${OCTROI_SAFETY_KEY:-$(secret SAFETY_KEY)}
  OCTROI_UPGRADE_URL=${OCTROI_UPGRADE_URL:-http://127.0.0.1:$(port WORKER)/upgrade}
  export OCTROI_SAFETY_KEY OCTROI_UPGRADE_URL
  if [[ -z ${OPENAI_API_KEY:-} ]]; then
    OPENAI_API_KEY=sk-stand-in
    OCTROI_UPSTREAM_URL=http://127.0.0.1:$(port SIM)/v1
    export OPENAI_API_KEY OCTROI_UPSTREAM_URL
  fi
  service_start worker "$(env | grep -E '^(OCTROI_|OPENAI_)' | sort) $(fingerprint_of "$BIN/octroi")" \
    "$BIN/octroi" serve
  service_wait worker "http://127.0.0.1:$(port WORKER)/readyz"
}

start_functions() {
  offer functions 54623
  local function=supabase/functions/completions
  DENO_SERVE_ADDRESS=tcp:127.0.0.1:$(port FUNCTIONS) \
    SUPABASE_URL=http://127.0.0.1:$(port LITE) \
    SUPABASE_PUBLISHABLE_KEYS="{\"default\":\"$(secret PUBLISHABLE_KEY)\"}" \
    OCTROI_JWT_SECRET=$(secret JWT_SECRET) \
    OCTROI_JWT_ISSUER=$issuer \
    service_start functions "$(port FUNCTIONS) $issuer $(fingerprint_of $function/* supabase/functions/_shared/*)" \
    "$NODE_BIN/deno" run --quiet --frozen --allow-env --allow-net=127.0.0.1 \
    --config $function/deno.json $function/index.ts
}

start_lite() {
  local schema
  # Lite reads the schema once, so it starts again after a migration.
  schema=$(PGPASSWORD=$(secret POSTGRES_PASSWORD) "$POSTGRES_BIN/psql" --no-psqlrc -qAt -h 127.0.0.1 -p "$(port POSTGRES)" \
    -U postgres -d postgres -c 'select version from supabase_migrations.schema_migrations order by version')
  LITE_PORT=$(port LITE) \
    LITE_DATABASE_URL=postgres://supabase_lite:$(secret LITE_PASSWORD)@$database \
    LITE_JWT_SECRET=$(secret JWT_SECRET) \
    LITE_JWT_ISSUER=$issuer \
    LITE_FUNCTIONS_URL=http://127.0.0.1:$(port FUNCTIONS) \
    SUPABASE_PUBLISHABLE_KEY=$(secret PUBLISHABLE_KEY) \
    SUPABASE_SECRET_KEY=$(secret SECRET_KEY) \
    service_start lite "$issuer $(port FUNCTIONS) $database $schema $(fingerprint_of stack/lite/*.mjs)" \
    node stack/lite/server.mjs
  service_wait lite --header "apikey: $(secret PUBLISHABLE_KEY)" "http://127.0.0.1:$(port LITE)/auth/v1/health"
}

read_settings
if [[ -z ${OPENAI_API_KEY:-} ]]; then start_sim; else service_stop sim; fi
offer lite 54621
issuer=http://127.0.0.1:$(port LITE)/auth/v1
start_worker
start_functions
start_lite
service_wait functions --request OPTIONS "http://127.0.0.1:$(port FUNCTIONS)/completions"
