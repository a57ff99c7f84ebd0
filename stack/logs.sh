#!/usr/bin/env bash
# Follows the logs of every part of the stack until interrupted.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/processes.sh"
source "$(dirname "$0")/cluster.sh"

files=()
for file in "$CLUSTER/postgres.log" "$LOGS"/{worker,lite,functions,webhooks,stripe,sim}.log; do
  [[ ! -r $file ]] || files+=("$file")
done
((${#files[@]} > 0)) || die "there are no logs yet: run make up"
exec tail -n 20 -F "${files[@]}"
