#!/usr/bin/env bash
# From a clone to a running stack: installs, builds, starts, shows. Run again, it changes only what is out of date.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
[[ -n ${STACK_LOCKED:-} ]] || run_locked "$0" "$@"
cd "$STACK_ROOT"

mkdir -p "$LOGS"
stack/packages.sh
stack/node_packages.sh stack examples/web
extension=$(stack/build.sh)
stack/database.sh "$extension" "$@"
stack/services.sh
stack/env.sh
