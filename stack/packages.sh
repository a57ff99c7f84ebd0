#!/usr/bin/env bash
# Installs the Debian packages that are missing. Asks nothing, and starts no Postgres of Debian's own.
source "$(dirname "$0")/paths.sh"

packages=(
  build-essential pkg-config clang libclang-dev jq
  "postgresql-$POSTGRES_MAJOR" "postgresql-server-dev-$POSTGRES_MAJOR"
  "postgresql-$POSTGRES_MAJOR-pgtap" libtap-parser-sourcehandler-pgtap-perl
  "postgresql-$POSTGRES_MAJOR-plpgsql-check" python3-venv "$@"
)

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "these packages are missing and neither root nor sudo is at hand: ${missing[*]}"
  fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends "$@"; }

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
((${#missing[@]} > 0)) || exit 0

# Debian makes and starts a cluster when it installs a server; this stack has its own.
CLUSTER_SETTINGS=/etc/postgresql-common/createcluster.d
NO_CLUSTER=$CLUSTER_SETTINGS/octroi.conf

install_missing() {
  apt_get update && apt_get install postgresql-common || return
  if ! is_installed "postgresql-$POSTGRES_MAJOR"; then
    as_root mkdir -p "$CLUSTER_SETTINGS" && echo 'create_main_cluster = false' | as_root tee "$NO_CLUSTER" || return
  fi
  apt_get install "${missing[@]}"
}

say "Installing Debian packages: ${missing[*]}"
log=$STACK_STATE/logs/packages.log
mkdir -p "$(dirname "$log")"
installed=true
install_missing >"$log" 2>&1 || installed=false
[[ ! -f $NO_CLUSTER ]] || as_root rm "$NO_CLUSTER"
if ! $installed; then
  tail -n 20 "$log" >&2
  die "apt-get failed; the whole output is in $log"
fi
