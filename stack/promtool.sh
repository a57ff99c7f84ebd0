#!/usr/bin/env bash
# Prints where promtool is, which checks the rules of monitoring/. It is taken out of Debian's package `prometheus` and not
# installed: that would start a server of its own.
source "$(dirname "$0")/paths.sh"

promtool=$STACK_TOOLS/bin/promtool

download() { apt-get -qq -o APT::Sandbox::User=root download prometheus; }

# apt's lists may never have been fetched.
update() {
  if ((EUID == 0)); then apt-get -qq update; else sudo apt-get -qq update; fi
}

if [[ ! -x $promtool ]]; then
  say "Fetching promtool, once per machine"
  work=$(mktemp -d "${TMPDIR:-/tmp}/octroi-promtool.XXXXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && { download 2>/dev/null || { update && download; }; }) >&2 ||
    die "Debian's package prometheus cannot be fetched"
  dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$work" ./usr/bin/promtool
  mkdir -p "$STACK_TOOLS/bin"
  # Others may be at it: whoever is last puts the same file there.
  install "$work/usr/bin/promtool" "$promtool.$$"
  mv "$promtool.$$" "$promtool"
fi
echo "$promtool"
