#!/usr/bin/env bash
# Stops everything that `make up` started. The data stays.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/cluster.sh"
[[ -n ${STACK_LOCKED:-} ]] || run_locked "$0"

# The doors first, so that nothing new comes in while the worker drains.
for service in example lite functions webhooks worker stripe sim; do
  service_stop "$service"
done
cluster_stop
say "The stack is stopped; its data is kept in $CLUSTER"
