# shellcheck shell=bash
# Puts a working Rust toolchain on PATH. Sourced after paths.sh.
#
# `cargo` on PATH may be rustup's shim, which looks for toolchains under the caller's HOME and finds none when HOME is
# another one, as under `env -i` or in CI. The shim's own place then tells where the toolchains are.

works() { cargo --version >/dev/null 2>&1 && rustc --version >/dev/null 2>&1; }

find_rustup_home() {
  local bin home account_home
  bin=$(dirname "$(command -v cargo)")
  account_home=$(getent passwd "$(id -u)" | cut -d: -f6)
  for home in "$(dirname "$(dirname "$bin")")" "$account_home"; do
    [[ -d $home/.rustup/toolchains ]] || continue
    export RUSTUP_HOME=$home/.rustup
    [[ ! -w $home/.cargo ]] || export CARGO_HOME=${CARGO_HOME:-$home/.cargo}
    works && return
    # No default toolchain is set: take the newest that is there.
    local toolchain
    toolchain=$(find "$RUSTUP_HOME/toolchains" -mindepth 1 -maxdepth 1 | sort -V | tail -n 1)
    export RUSTUP_TOOLCHAIN=${toolchain##*/}
    works && return
    unset RUSTUP_TOOLCHAIN
  done
  return 1
}

if ! command -v cargo >/dev/null && [[ -x $HOME/.cargo/bin/cargo ]]; then
  PATH=$HOME/.cargo/bin:$PATH
fi
command -v cargo >/dev/null || die "no cargo on PATH: install Rust $RUST_MINIMUM_VERSION from https://rustup.rs"
works || find_rustup_home || die "cargo is on PATH but no Rust toolchain works: run rustup default stable"

rust_version=$(rustc --version | cut -d' ' -f2)
if [[ $(printf '%s\n' "$RUST_MINIMUM_VERSION" "$rust_version" | sort -V | head -n 1) != "$RUST_MINIMUM_VERSION" ]]; then
  die "Rust $RUST_MINIMUM_VERSION or newer is needed, and rustc is $rust_version: run rustup update stable"
fi
