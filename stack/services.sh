#!/usr/bin/env bash
# Starts the stack's services, or leaves them be when they run already as they would be started now.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"
source "$(dirname "$0")/command.sh"
cd "$STACK_ROOT"

BIN=$STACK_STATE/libexec
settings_file=${STACK_SETTINGS:-.env}
database=127.0.0.1:$(port POSTGRES)/postgres

# offer NAME PREFERRED: a port for a service that is down; one that runs keeps its own.
offer() { service_pid "$1" >/dev/null || choose_port "${1^^}" "$2"; }

# The user's settings are the OPENAI_, STRIPE_ and OCTROI_ variables of .env. What the calling shell happens to export is
# not: a key exported for something else would be spent here.
read_settings() {
  local line name
  for name in $(compgen -e | grep -E '^(OPENAI|STRIPE|OCTROI)_'); do unset "$name"; done
  [[ -r $settings_file ]] || return 0
  while IFS= read -r line; do
    line=${line#export }
    [[ ! $line =~ ^(OPENAI_API_KEY|STRIPE_[A-Z_]+|OCTROI_[A-Z_]+)=\"?([^\"]*)\"?$ ]] || export "${BASH_REMATCH[1]}=${BASH_REMATCH[2]}"
  done <"$settings_file"
}

fingerprint_of() { sha256sum "$@"; }

start_sim() {
  offer sim 54629
  service_start sim "$(port SIM) $(fingerprint_of "$BIN/octroi-sim")" \
    "$BIN/octroi-sim" openai --listen "127.0.0.1:$(port SIM)"
  service_wait sim "http://127.0.0.1:$(port SIM)/v1/models"
}

# Its events take the way of real ones: to the edge function, through the door that a hosted project has.
start_stripe() {
  offer stripe 54630
  local state=$STACK_STATE/stripe.json
  service_start stripe "$(port STRIPE) $(port LITE) $(fingerprint_of "$BIN/octroi-sim")" \
    "$BIN/octroi-sim" stripe --listen "127.0.0.1:$(port STRIPE)" --state-file "$state" \
    --secret-key sk_test_stand_in --webhook-secret "$STRIPE_WEBHOOK_SECRETS" \
    --webhook-url "http://127.0.0.1:$(port LITE)/functions/v1/stripe-webhook"
  service_wait stripe "http://127.0.0.1:$(port STRIPE)/sim/clock"
}

# With a key of the user's, Stripe itself; its secret for webhooks comes from `stripe listen`.
choose_stripe() {
  if [[ -n ${STRIPE_SECRET_KEY:-} ]]; then
    [[ -n ${STRIPE_WEBHOOK_SECRETS:-} ]] ||
      die "$settings_file has a STRIPE_SECRET_KEY: set STRIPE_WEBHOOK_SECRETS too, as docs/operations.md says"
    service_stop stripe
  else
    STRIPE_WEBHOOK_SECRETS=$(secret STRIPE_WEBHOOK_SECRET)
    start_stripe
    STRIPE_SECRET_KEY=sk_test_stand_in
    OCTROI_STRIPE_API_BASE=http://127.0.0.1:$(port STRIPE)
  fi
  export STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRETS OCTROI_STRIPE_API_BASE
}

# Into a directory, unless .env says how.
choose_mail() {
  [[ -z ${OCTROI_MAIL_BACKEND:-} ]] || return 0
  mkdir -p "$STACK_STATE/mail"
  OCTROI_MAIL_BACKEND='file'
  OCTROI_MAIL_DIRECTORY=$STACK_STATE/mail
  OCTROI_MAIL_FROM=${OCTROI_MAIL_FROM:-Octroi <octroi@example.com>}
  export OCTROI_MAIL_BACKEND OCTROI_MAIL_DIRECTORY OCTROI_MAIL_FROM
}

start_worker() {
  OCTROI_DATABASE_URL="postgres://octroi_worker:$(secret WORKER_PASSWORD)@$database?sslmode=disable"
  OCTROI_JWT_SECRET=$(secret JWT_SECRET)
  OCTROI_LISTEN=127.0.0.1:$(port WORKER)
  OCTROI_JWT_ISSUER=$issuer
  export OCTROI_DATABASE_URL OCTROI_JWT_SECRET OCTROI_JWT_ISSUER OCTROI_LISTEN
  OCTROI_SAFETY_KEY=${OCTROI_SAFETY_KEY:-$(secret SAFETY_KEY)}
  OCTROI_PUBLIC_URL=${OCTROI_PUBLIC_URL:-http://127.0.0.1:$(port WORKER)}
  export OCTROI_SAFETY_KEY OCTROI_PUBLIC_URL
  if [[ -z ${OPENAI_API_KEY:-} ]]; then
    OPENAI_API_KEY=sk-stand-in
    OCTROI_UPSTREAM_URL=http://127.0.0.1:$(port SIM)/v1
    export OPENAI_API_KEY OCTROI_UPSTREAM_URL
  fi
  service_start worker "$(env | grep -E '^(OCTROI|OPENAI|STRIPE)_' | sort) $(fingerprint_of "$BIN/octroi")" \
    "$BIN/octroi" serve
  service_wait worker "http://127.0.0.1:$(port WORKER)/readyz"
}

# start_function SERVICE FUNCTION: its settings are exported by the caller; it listens on the port of that service.
start_function() {
  local function=supabase/functions/$2
  DENO_SERVE_ADDRESS=tcp:127.0.0.1:$(port "${1^^}") \
    SUPABASE_URL=http://127.0.0.1:$(port LITE) \
    service_start "$1" "$(port "${1^^}") $issuer $STRIPE_WEBHOOK_SECRETS $(fingerprint_of "$function"/* supabase/functions/_shared/*)" \
    "$NODE_BIN/deno" run --quiet --frozen --allow-env --allow-net=127.0.0.1 \
    --config "$function/deno.json" "$function/index.ts"
}

start_functions() {
  offer functions 54623
  SUPABASE_PUBLISHABLE_KEYS="{\"default\":\"$(secret PUBLISHABLE_KEY)\"}" \
    OCTROI_JWT_SECRET=$(secret JWT_SECRET) \
    OCTROI_JWT_ISSUER=$issuer \
    start_function functions completions
  offer webhooks 54624
  SUPABASE_SECRET_KEYS="{\"default\":\"$(secret SECRET_KEY)\"}" start_function webhooks stripe-webhook
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
    LITE_FUNCTION_URLS="{\"completions\":\"http://127.0.0.1:$(port FUNCTIONS)\",\"stripe-webhook\":\"http://127.0.0.1:$(port WEBHOOKS)\"}" \
    SUPABASE_PUBLISHABLE_KEY=$(secret PUBLISHABLE_KEY) \
    SUPABASE_SECRET_KEY=$(secret SECRET_KEY) \
    service_start lite "$issuer $(port FUNCTIONS) $(port WEBHOOKS) $database $schema $(fingerprint_of stack/lite/*.mjs stack/lite/*/*.mjs)" \
    node stack/lite/server.mjs
  service_wait lite --header "apikey: $(secret PUBLISHABLE_KEY)" "http://127.0.0.1:$(port LITE)/auth/v1/health"
}

# The page of a product, built for this stack's own URLs.
start_example() {
  local page=$STACK_STATE/example vite=examples/web/node_modules/.bin/vite built
  VITE_SUPABASE_URL=http://127.0.0.1:$(port LITE)
  VITE_OCTROI_URL=http://127.0.0.1:$(port WORKER)
  VITE_SUPABASE_PUBLISHABLE_KEY=$(secret PUBLISHABLE_KEY)
  export VITE_SUPABASE_URL VITE_OCTROI_URL VITE_SUPABASE_PUBLISHABLE_KEY
  built="$(env | grep '^VITE_' | sort) $(fingerprint_of examples/web/*.* examples/web/src/*)"
  if [[ $(cat "$page.built" 2>/dev/null) != "$built" ]]; then
    "$vite" build --logLevel error --outDir "$page" --emptyOutDir examples/web
    echo "$built" >"$page.built"
  fi
  service_start example "$(port EXAMPLE) $(fingerprint_of examples/web/package-lock.json)" \
    "$vite" preview --outDir "$page" --host 127.0.0.1 --port "$(port EXAMPLE)" --strictPort examples/web
  service_wait example "http://127.0.0.1:$(port EXAMPLE)/"
}

read_settings
if [[ -z ${OPENAI_API_KEY:-} ]]; then start_sim; else service_stop sim; fi
offer lite 54621
issuer=http://127.0.0.1:$(port LITE)/auth/v1
offer worker 8787
choose_stripe
choose_mail
start_worker
start_functions
start_lite
offer example 3000
start_example
service_wait functions --request OPTIONS "http://127.0.0.1:$(port FUNCTIONS)/completions"
OCTROI_ADMIN_DATABASE_URL="postgres://local_operator:$(secret OPERATOR_PASSWORD)@$database?sslmode=disable"
export OCTROI_ADMIN_DATABASE_URL
write_command
# What is on sale is made known to Stripe; nothing happens when it is.
"$STACK_STATE/bin/octroi" plans push --file plans.toml >>"$LOGS/plans.log" 2>&1 || {
  tail -n 20 "$LOGS/plans.log" >&2
  die "the plans could not be pushed; the log is $LOGS/plans.log"
}
# Where refusals and mails send who wants more, and whose pages Stripe returns to and may call: those of the example, unless
# the operator has said otherwise already.
PGPASSWORD=$(secret POSTGRES_PASSWORD) "$POSTGRES_BIN/psql" --no-psqlrc -q -h 127.0.0.1 -p "$(port POSTGRES)" -U postgres \
  -d postgres -o /dev/null -v page="http://127.0.0.1:$(port EXAMPLE)" -v gone="http://127.0.0.1:$(port WORKER)/upgrade" <<'SQL'
-- an older stack was given a page that does not exist
select octroi_private.set_billing_settings(jsonb_build_object(
  'return_origins', array_append(array_remove(s.return_origins, :'page'), :'page'),
  'upgrade_url', coalesce(nullif(s.upgrade_url, :'gone'), :'page' || '/#plans'),
  'top_up_url', coalesce(nullif(s.top_up_url, :'gone'), :'page' || '/#plans'),
  'billing_url', coalesce(nullif(s.billing_url, :'gone'), :'page' || '/#plans')
))
from octroi_private.billing_setting as s
where s.upgrade_url is null or s.upgrade_url = :'gone' or not :'page' = any(s.return_origins)
SQL
