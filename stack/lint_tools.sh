#!/usr/bin/env bash
# Installs what `make lint` needs beside the toolchain, where it is missing: cargo-deny, and the SQL linters in a virtual
# environment of their own. Prints that environment's bin directory.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/toolchain.sh"

CARGO_DENY_VERSION=0.20.2

if [[ $("$STACK_TOOLS/bin/cargo-deny" --version 2>/dev/null) != "cargo-deny $CARGO_DENY_VERSION" ]]; then
  say "Building cargo-deny $CARGO_DENY_VERSION, once per machine"
  cargo install --quiet cargo-deny --version "$CARGO_DENY_VERSION" --locked --root "$STACK_TOOLS" \
    --target-dir "$STACK_CACHE/tools-target"
  rm -rf "$STACK_CACHE/tools-target"
fi

requirements=$STACK_ROOT/stack/lint_requirements.txt
packages_hash=$(sha256sum <"$requirements")
venv=$STACK_CACHE/venvs/lint-${packages_hash:0:16}
if [[ ! -f $venv/ready ]]; then
  say "Installing the SQL linters"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  touch "$venv/ready"
fi
echo "$venv/bin"
