#!/usr/bin/env bash
# Prints the path of a program of Debian's: debian_program.sh PACKAGE PROGRAM [DIRECTORY]
# The machine's own if it is installed. Else the package is unpacked, not installed: that needs no root, and no service
# of it is started that nobody asked for.
source "$(dirname "$0")/../../stack/paths.sh"

package=$1
program=$2
place=$STACK_CACHE/debian/$package

if installed=$(PATH=$PATH:/usr/sbin command -v "$program"); then
  echo "$installed"
  exit
fi
if [[ ! -x $place/run ]]; then
  say "Unpacking Debian's $package"
  rm -rf "$place"
  mkdir -p "$place/archives"
  cd "$place/archives"
  # With what it needs and the machine does not have.
  packages=$(apt-get --simulate --no-install-recommends install "$package" | awk '/^Inst / { print $2 }')
  # shellcheck disable=SC2086
  apt-get --quiet=2 download ${packages:-$package} >&2
  for archive in *.deb; do
    dpkg --extract "$archive" ..
  done
  cd ..
  path=$(find "$place"/usr/*bin -name "$program" -print -quit)
  [[ -n $path ]] || die "$package has no $program"
  libraries=$place/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$path" >run
  chmod +x run
fi
echo "$place/run"
