#!/usr/bin/env bash
# Builds the worker and the stand-in into the stack's directory of programs, and the extension into the cache, all as release.
# Prints the directory that holds the packaged extension, for postgres_tree.sh.
source "$(dirname "$0")/paths.sh"
source "$(dirname "$0")/toolchain.sh"
cd "$STACK_ROOT"

# Checkouts share the tools and the packages, so one of them builds at a time.
mkdir -p "$STACK_CACHE" "$STACK_STATE/libexec"
exec {lock}>"$STACK_CACHE/build.lock"
flock "$lock"

# What was built for a checkout that is gone is of no use to anybody.
mkdir -p "$CARGO_TARGET_DIR"
[[ -n ${STACK_TARGET:-} ]] || echo "$STACK_ROOT" >"$CARGO_TARGET_DIR/checkout"
for checkout in "$STACK_CACHE"/targets/*/checkout; do
  [[ ! -f $checkout || -d $(<"$checkout") ]] || rm -rf "${checkout%/checkout}"
done

if [[ $(cargo-pgrx --version 2>/dev/null) != *" $CARGO_PGRX_VERSION" ]]; then
  say "Building cargo-pgrx $CARGO_PGRX_VERSION, once per machine"
  cargo install --quiet cargo-pgrx --version "$CARGO_PGRX_VERSION" --locked --root "$STACK_TOOLS" \
    --target-dir "$STACK_CACHE/tools-target"
  rm -rf "$STACK_CACHE/tools-target"
fi
if ! grep -qs "$POSTGRES_BIN/pg_config" "$PGRX_HOME/config.toml"; then
  cargo pgrx init --no-run "--pg$POSTGRES_MAJOR=$POSTGRES_BIN/pg_config" >&2
fi

cargo build --release --locked -p octroi-worker -p octroi-sim >&2
for binary in octroi octroi-sim; do
  install --compare "$CARGO_TARGET_DIR/release/$binary" "$STACK_STATE/libexec/$binary"
done

# Named by its sources, and by what is built differently on purpose: a checkout finds its own package again whatever
# another one has built in between.
sources_hash=$({
  find Cargo.lock Cargo.toml pg_extension sealing tokenizer -type f -print0 | LC_ALL=C sort -z | xargs -0 cat
  env | grep '^CARGO_PROFILE_RELEASE_' | LC_ALL=C sort || true
} | sha256sum)
packages=$STACK_CACHE/extension
package=$packages/${sources_hash:0:16}
if [[ ! -d $package ]]; then
  say "Building the extension"
  rm -rf "$package.partial"
  (cd pg_extension && cargo pgrx package --pg-config "$POSTGRES_BIN/pg_config" --out-dir "$package.partial") >&2
  mv "$package.partial" "$package"
  find "$packages" -mindepth 1 -maxdepth 1 -mtime +14 -exec rm -rf {} +
fi
echo "$package"
