#!/usr/bin/env bash
# Shows which parts of the stack run. Exits 1 when one of them does not.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/settings.sh"
source "$(dirname "$0")/cluster.sh"

all_run=0

show() { printf '%-10s %-9s %-8s %s\n' "$@"; }

show_service() { # NAME URL
  local pid
  if pid=$(service_pid "$1"); then
    show "$1" running "$pid" "$2"
  else
    show "$1" stopped - -
    all_run=1
  fi
}

show SERVICE STATE PID URL
if cluster_is_running; then
  show postgres running "$(as_cluster_user head -n 1 "$CLUSTER/data/postmaster.pid")" "127.0.0.1:$(port POSTGRES)"
else
  show postgres stopped - -
  all_run=1
fi
show_service worker "http://127.0.0.1:$(port WORKER)"
show_service lite "http://127.0.0.1:$(port LITE)"
show_service functions "http://127.0.0.1:$(port LITE)/functions/v1"
show_service webhooks "http://127.0.0.1:$(port LITE)/functions/v1/stripe-webhook"
show_service example "http://127.0.0.1:$(port EXAMPLE)"
# With real keys there are no stand-ins.
if [[ -f $RUN/stripe.pid ]]; then show_service stripe "http://127.0.0.1:$(port STRIPE)"; fi
if [[ -f $RUN/sim.pid ]]; then show_service sim "http://127.0.0.1:$(port SIM)/v1"; fi
exit "$all_run"
