#!/usr/bin/env bash
# Brings the stack's database up to date: database.sh EXTENSION_PACKAGE [POSTGRES_SETTING...]
# Cluster, server, what Supabase brings, migrations and passwords. Does nothing where nothing is to be done.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"
source "$(dirname "$0")/cluster.sh"
cd "$STACK_ROOT"

package=$1
shift
mkdir -p "$LOGS"
make_secrets
password=$(secret POSTGRES_PASSWORD)

cluster_place
changed=$(stack/postgres_tree.sh "$CLUSTER/tree" "$package")
cluster_init "$password"
if [[ -n $changed ]]; then cluster_stop; fi
if ! cluster_is_running; then
  choose_port POSTGRES 54622
  cluster_start "$(port POSTGRES)" "$@"
fi

as_superuser() {
  PGPASSWORD=$password "$POSTGRES_BIN/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
    --host=127.0.0.1 --port="$(port POSTGRES)" --username=postgres --dbname=postgres "$@"
}

if [[ -z $(as_superuser -c "select to_regclass('auth.sessions')") ]]; then
  LITE_DATABASE_URL=postgres://postgres:$password@127.0.0.1:$(port POSTGRES)/postgres \
    node stack/lite/auth_schema.mjs >"$LOGS/auth_schema.log" 2>&1 ||
    die "Supabase Lite could not make its auth tables; see $LOGS/auth_schema.log"
fi
as_superuser -f stack/supabase_base.sql -f stack/lite/login.sql -f stack/lite/mfa/tables.sql 2>"$LOGS/base.log" ||
  die "supabase_base.sql failed; see $LOGS/base.log"

PGPASSWORD=$password "$NODE_BIN/supabase" migration up --yes \
  --db-url="postgres://postgres@127.0.0.1:$(port POSTGRES)/postgres?sslmode=disable" >"$LOGS/migrations.log" 2>&1 || {
  tail -n 20 "$LOGS/migrations.log" >&2
  die "a migration failed"
}

# set_password ROLE SECRET_NAME: only when the login does not work, because each time makes a new verifier.
set_password() {
  local role=$1 role_password
  role_password=$(secret "$2")
  PGPASSWORD=$role_password "$POSTGRES_BIN/psql" --no-psqlrc --host=127.0.0.1 --port="$(port POSTGRES)" \
    --username="$role" --dbname=postgres --command='' 2>/dev/null ||
    as_superuser --set=role="$role" --set=role_password="$role_password" <<'SQL'
-- A failing statement would otherwise be logged with the password in it.
set log_min_error_statement = panic;
alter role :"role" login password :'role_password';
SQL
}
set_password supabase_lite LITE_PASSWORD
set_password octroi_worker WORKER_PASSWORD
# A person who runs this stack: reads what octroi_admin may, and gives what octroi_operator may.
as_superuser <<'SQL'
do $$
begin
  if not exists (select from pg_catalog.pg_roles as r where r.rolname = 'local_operator') then
    create role local_operator login inherit in role octroi_admin, octroi_operator;
  end if;
end
$$;
SQL
set_password local_operator OPERATOR_PASSWORD
