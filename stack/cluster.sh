# shellcheck shell=bash
# A private Postgres cluster in $STACK_STATE/postgres. Sourced after paths.sh.
#
# Postgres refuses to run as root, so root runs it as Debian's `postgres` user, and everybody else as themselves.
# Every connection is by password over 127.0.0.1; there is no socket, whose path could be too long for some checkouts.

CLUSTER_START_SECONDS=60

# Through the link, if it is one, because the cluster's user may not reach the link itself.
cluster_locate() {
  CLUSTER=$(readlink -f "$STACK_STATE/postgres")
  CLUSTER_BIN=$CLUSTER/tree/bin
}
cluster_locate

as_cluster_user() {
  if ((EUID == 0)); then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

# The cluster's user must reach it, which it cannot below, say, /root: then it lives elsewhere, behind a link.
cluster_place() {
  mkdir -p "$STACK_STATE"
  chmod "$( ((EUID == 0)) && echo 711 || echo 700)" "$STACK_STATE"
  [[ ! -d $CLUSTER ]] || return 0
  if as_cluster_user test -x "$STACK_STATE"; then
    mkdir "$CLUSTER"
  else
    ln -sfn "$(mktemp -d /var/lib/postgresql/octroi.XXXXXXXX)" "$STACK_STATE/postgres"
    cluster_locate
  fi
  ((EUID != 0)) || chown postgres: "$CLUSTER"
  chmod 755 "$CLUSTER"
}

cluster_is_running() { [[ -d $CLUSTER/data ]] && as_cluster_user "$CLUSTER_BIN/pg_ctl" -D "$CLUSTER/data" status >/dev/null 2>&1; }

# cluster_init PASSWORD [OPTION...]: the superuser is `postgres`, as on Supabase.
cluster_init() {
  [[ ! -f $CLUSTER/data/PG_VERSION ]] || return 0
  local password=$1 password_file=$CLUSTER/password
  shift
  as_cluster_user install -m 600 /dev/null "$password_file"
  as_cluster_user tee "$password_file" <<<"$password" >/dev/null
  as_cluster_user "$CLUSTER_BIN/initdb" -D "$CLUSTER/data" --username=postgres --pwfile="$password_file" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 "$@" >"$STACK_STATE/logs/initdb.log" 2>&1 ||
    die "initdb failed; see $STACK_STATE/logs/initdb.log"
  as_cluster_user rm -f "$password_file"
}

# The keys that seal personal data, made once. Beside the data and not in it, as in production: a copy of the data alone
# opens nothing.
cluster_operator_keys() {
  local keys=$CLUSTER/operator_keys name
  if as_cluster_user test -s "$keys"; then return; fi
  as_cluster_user install -m 600 /dev/null "$keys.new"
  for name in "$(date +%Y-%m)" index; do
    echo "$name:$(head -c 32 /dev/urandom | base64)"
  done | as_cluster_user tee "$keys.new" >/dev/null
  as_cluster_user mv "$keys.new" "$keys"
}

# cluster_start PORT [SETTING...]: durable unless a setting says otherwise, because Octroi acknowledges what it commits.
cluster_start() {
  local port=$1 setting options
  shift
  cluster_operator_keys
  options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories="
  options+=" -c fsync=on -c synchronous_commit=on -c max_connections=200 -c shared_buffers=256MB"
  options+=" -c 'octroi.key_file=$CLUSTER/operator_keys'"
  for setting in "$@"; do
    options+=" -c $setting"
  done
  # with a backtrace an error of the extension would tell its client where it was built
  as_cluster_user env -u RUST_BACKTRACE "$CLUSTER_BIN/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/postgres.log" -o "$options" \
    -t "$CLUSTER_START_SECONDS" -w start </dev/null >/dev/null 2>&1 ||
    die "Postgres did not start; see $CLUSTER/postgres.log"
}

cluster_stop() {
  cluster_is_running || return 0
  as_cluster_user "$CLUSTER_BIN/pg_ctl" -D "$CLUSTER/data" -m fast -t "$CLUSTER_START_SECONDS" -w stop >/dev/null
}

# Removes the cluster and all its data.
cluster_remove() {
  cluster_stop
  rm -rf "$CLUSTER" "$STACK_STATE/postgres"
}
