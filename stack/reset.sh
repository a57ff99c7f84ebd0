#!/usr/bin/env bash
# Stops the stack and deletes its data, keys and ports. Builds and packages stay.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/cluster.sh"

"$(dirname "$0")/down.sh"
cluster_remove
rm -rf "$STACK_STATE"
say "Its data and keys are deleted"
