#!/usr/bin/env bash
# Takes one defence away at a time, in a copy of the checkout, and looks whether the test that guards it turns red:
# run.sh [NAME…]. Each patch here says what it takes away (What:) and which test must notice (Red:). `make sabotage` runs
# it in a throwaway cluster. A test that stays green guards nothing; a patch that no longer applies must be made anew.
#
#   Red: story FILE TEST              a story of tests/tests, on the patched SQL, or built from the patched worker
#   Red: unit PACKAGE TEST            a unit test, built from the patched sources
#   Red: pgtap FILE "DESCRIPTION"     a test in a file of tests/pgtap, on the patched SQL
#
# Only the test that is named counts: one that broke off, took too long or failed elsewhere has noticed nothing.
source "$(dirname "$0")/../../stack/paths.sh"
cd "$STACK_ROOT"
MAX_TEST_SECONDS=600

[[ -n ${OCTROI_TEST_DATABASE_URL:-} ]] || die "run this through make sabotage"
# A superuser's URL without a database, and what psql and pg_prove need.
server=${OCTROI_TEST_DATABASE_URL%/postgres\?*}
database=octroi_sabotage
copy=$STACK_STATE/sabotage
mkdir -p "$copy"
trap 'rm -rf "$copy"' EXIT

fresh_copy() {
  git ls-files -z | tar --null --files-from=- -cf - | tar -xf - -C "$copy"
}

member() { sed -n "s/^$2: //p" "$1" | head -n 1; }

in_postgres() { "$POSTGRES_BIN/psql" --no-psqlrc -qAt --set=ON_ERROR_STOP=1 "$@"; }

# A database of the copy's migrations.
migrate_copy() {
  local file
  in_postgres "$server/postgres?sslmode=disable" -c "drop database if exists $database with (force)" -c "create database $database"
  in_postgres "$server/$database?sslmode=disable" -c 'set client_min_messages = error' -f "$copy/stack/supabase_base.sql" >/dev/null
  for file in "$copy"/supabase/migrations/*.sql; do
    in_postgres "$server/$database?sslmode=disable" -c 'set client_min_messages = error' -1 -f "$file" >/dev/null || return
  done
}

# Whether the test named by $2.. itself fails: 0 it does, 1 it passes, 2 it was not judged. Its output goes to $1.
turns_red() {
  local log=$1 kind=$2 target=$3 test=$4 passed=0
  case $kind in
  pgtap)
    migrate_copy >"$log" 2>&1 || return 2
    timeout "$MAX_TEST_SECONDS" pg_prove --verbose --dbname "$server/$database" "$copy/tests/pgtap/$target" \
      >>"$log" 2>&1 && passed=1
    # pgTAP writes the description to the end of the line.
    sed -En 's/^not ok [0-9]+ - //p' "$log" | grep -Fx -- "$test" >/dev/null && return 0
    ;;
  story)
    if grep -q '^+++ b/worker/' "$patch"; then
      # Whatever starts the worker has to build the patched one.
      (cd "$copy" && unset OCTROI_TEST_BIN &&
        timeout "$MAX_TEST_SECONDS" cargo test --locked -p octroi-tests --test "$target" -- --exact "$test")
    else
      OCTROI_TEST_CHECKOUT=$copy timeout "$MAX_TEST_SECONDS" cargo test --locked -p octroi-tests --test "$target" -- --exact "$test"
    fi >"$log" 2>&1 && passed=1
    failed_in "$log" "$test" && return 0
    ;;
  unit)
    (cd "$copy" && timeout "$MAX_TEST_SECONDS" cargo test --locked -p "$target" --lib -- "$test") >"$log" 2>&1 && passed=1
    failed_in "$log" "$test" && return 0
    ;;
  esac
  # A name that is no test's passes, too.
  if ((passed)) && ran_in "$log" "$kind" "$test"; then return 1; fi
  return 2
}

# In libtest's list of failures, whatever module the test is in.
failed_in() { grep -q "^test result: FAILED" "$1" && grep -Eq "^    ([a-z_0-9]+::)*$2\$" "$1"; } # LOG TEST

ran_in() { # LOG KIND TEST
  case $2 in
  pgtap) sed -En 's/^ok [0-9]+ - //p' "$1" | grep -Fx -- "$3" >/dev/null ;;
  *) grep -Eq "^test ([a-z_0-9]+::)*$3 \.\.\. ok\$" "$1" ;;
  esac
}

green=()
logs=$STACK_CACHE/sabotage
rm -rf "$logs"
mkdir -p "$logs"
patches=(tests/sabotage/*.patch)
if (($# > 0)); then patches=("${@/#/tests/sabotage/}"); patches=("${patches[@]/%/.patch}"); fi
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  fresh_copy
  git apply --unsafe-paths --directory="$copy" "$patch" 2>/dev/null || (cd "$copy" && patch --quiet -p1 <"$STACK_ROOT/$patch")
  read -r kind target test <<<"$(member "$patch" Red)"
  # A description is in quotes.
  test=${test#\"} test=${test%\"}
  # Cargo goes by times, and the copy has those of the original.
  sed -n 's/^+++ b\///p' "$patch" | (cd "$copy" && xargs touch)
  status=0
  turns_red "$logs/$name.log" "$kind" "$target" "$test" || status=$?
  case $status in
  0) say "red    $name: $kind $target $test" ;;
  1) say "GREEN  $name: $kind $target $test did not notice. $(member "$patch" What)"; green+=("$name") ;;
  *) say "BROKEN $name: could not be judged, see $logs/$name.log"; green+=("$name") ;;
  esac
done
in_postgres "$server/postgres?sslmode=disable" -c "drop database if exists $database with (force)"
say "${#patches[@]} defences taken away, ${#green[@]} not noticed"
((${#green[@]} == 0))
