#!/usr/bin/env bash
# The official clients, Python and JavaScript, and a front end in Rust against a running stack, and Stripe's against its
# stand-in: installs them where they are missing, and runs their tests one after the other. Where the stack is comes from
# the environment, as .local/env has it, plus OCTROI_SIM_URL and OCTROI_MAIL_DIRECTORY: the tests count what reaches the
# provider, so nothing else may use that stack meanwhile.
source "$(dirname "$0")/../../stack/paths.sh"
source "$(dirname "$0")/../../stack/toolchain.sh"
cd "$STACK_ROOT/tests/clients"

for name in DATABASE_URL SUPABASE_URL SUPABASE_PUBLISHABLE_KEY OCTROI_URL OCTROI_SIM_URL OCTROI_MAIL_DIRECTORY; do
  [[ -n ${!name:-} ]] || die "$name is not set: run this through make test, or after 'set -a; source .local/env'"
done

# A virtual environment for each set of packages, shared by checkouts and kept between runs.
packages_hash=$(sha256sum <python/requirements.txt)
venv=$STACK_CACHE/venvs/clients-${packages_hash:0:16}
if [[ ! -f $venv/ready ]]; then
  say "Installing the Python clients"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement python/requirements.txt >&2
  touch "$venv/ready"
fi
"$STACK_ROOT/stack/node_packages.sh" tests/clients/js tests/sim/js

failed=0
say "== Python clients"
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m pytest --rootdir python -c python/pytest.ini python || failed=1
say "== JavaScript clients, and the examples of docs/sql-api.md"
node --test --test-concurrency=1 js/*.test.mjs || failed=1
say "== Rust front end"
cargo test --quiet --locked --manifest-path rust/Cargo.toml || failed=1
say "== Stripe's own client and its stand-in"
OCTROI_SIM=$STACK_STATE/libexec/octroi-sim node --test "$STACK_ROOT"/tests/sim/js/*.test.mjs || failed=1
exit "$failed"
