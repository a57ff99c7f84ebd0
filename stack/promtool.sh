#!/usr/bin/env bash
# Prints where promtool is, which checks the rules of monitoring/. It is taken out of Debian's package `prometheus` and not
# installed: that would start a server of its own.
source "$(dirname "$0")/paths.sh"

promtool=$STACK_TOOLS/bin/promtool
if [[ ! -x $promtool ]]; then
  say "Fetching promtool, once per machine"
  work=$(mktemp -d "${TMPDIR:-/tmp}/octroi-promtool.XXXXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Where apt's lists were never fetched: packages.sh has the rights to, and every caller has run it.
  (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download prometheus) >&2 ||
    die "Debian's package prometheus cannot be fetched; run apt-get update and try again"
  dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$work" ./usr/bin/promtool
  mkdir -p "$STACK_TOOLS/bin"
  install "$work/usr/bin/promtool" "$promtool.new"
  mv "$promtool.new" "$promtool"
fi
echo "$promtool"
