# shellcheck shell=bash
# What one stack remembers between runs: secrets, made once, and ports. Sourced after paths.sh and processes.sh.

SECRETS=$STACK_STATE/secrets
PORTS=$STACK_STATE/ports

remembered() { [[ ! -f $1 ]] || sed -n "s/^$2=//p" "$1"; } # FILE NAME

remember() { # FILE NAME VALUE
  (
    umask 077
    { grep -v "^$2=" "$1" 2>/dev/null || true; } >"$1.new"
    echo "$2=$3" >>"$1.new"
    mv "$1.new" "$1"
  )
}

random_hex() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; } # BYTES

make_secret() { # NAME [PREFIX]
  [[ -n $(remembered "$SECRETS" "$1") ]] || remember "$SECRETS" "$1" "${2:-}$(random_hex 32)"
}

# Those that are there already stay: the data and the keys handed out depend on them.
make_secrets() {
  local name
  for name in POSTGRES_PASSWORD WORKER_PASSWORD LITE_PASSWORD OPERATOR_PASSWORD DEMO_PASSWORD JWT_SECRET SAFETY_KEY; do
    make_secret "$name"
  done
  make_secret PUBLISHABLE_KEY sb_publishable_
  make_secret SECRET_KEY sb_secret_
  make_secret STRIPE_WEBHOOK_SECRET whsec_
}

secret() { remembered "$SECRETS" "$1"; } # NAME

# choose_port NAME PREFERRED: the port of the last time if it is still free, else the first free one from PREFERRED on
# that no other service of this stack was given. Only to be called while the service is down.
choose_port() {
  local last others
  last=$(remembered "$PORTS" "$1")
  others=$({ grep -sv "^$1=" "$PORTS" || true; } | sed 's|.*=||' | paste -sd,)
  remember "$PORTS" "$1" "$(node "$STACK_ROOT/stack/free_port.mjs" "${last:-$2}" "$2" "$others")"
}

port() { remembered "$PORTS" "$1"; } # NAME
