#!/usr/bin/env bash
# Takes one defence away at a time, in a copy of the checkout, and looks whether the test that guards it turns red:
# run.sh [NAME…]. Each patch here says what it takes away (What:) and which test must notice (Red:). `make sabotage` runs
# it in a throwaway cluster. A test that stays green guards nothing; a patch that no longer applies must be made anew.
#
#   Red: story FILE TEST       a story of tests/tests, on the patched SQL, or built from the patched worker
#   Red: unit PACKAGE TEST     a unit test, built from the patched sources
#   Red: pgtap FILE            a file of tests/pgtap, on the patched SQL
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
  in_postgres "$server/$database?sslmode=disable" -c 'create extension if not exists pgtap with schema extensions' >/dev/null
}

# Whether the test named by $2.. fails, and for no other reason than itself; its output goes to $1.
turns_red() {
  local log=$1 kind=$2 target=$3 test=${4:-}
  case $kind in
  pgtap)
    migrate_copy >"$log" 2>&1 || return 2
    ! timeout "$MAX_TEST_SECONDS" pg_prove --dbname "$server/$database" "$copy/tests/pgtap/$target" >>"$log" 2>&1
    ;;
  story)
    if grep -q '^+++ b/worker/' "$patch"; then
      (cd "$copy" && timeout "$MAX_TEST_SECONDS" cargo test --locked -p octroi-tests --test "$target" -- --exact "$test")
    else
      OCTROI_TEST_CHECKOUT=$copy timeout "$MAX_TEST_SECONDS" cargo test --locked -p octroi-tests --test "$target" -- --exact "$test"
    fi >"$log" 2>&1 && return 1
    grep -q "^test result: FAILED" "$log" || return 2
    ;;
  unit)
    (cd "$copy" && timeout "$MAX_TEST_SECONDS" cargo test --locked -p "$target" --lib -- "$test") >"$log" 2>&1 && return 1
    grep -q "^test result: FAILED" "$log" || return 2
    ;;
  *) return 2 ;;
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
  read -r -a red <<<"$(member "$patch" Red)"
  # Cargo goes by times, and the copy has those of the original.
  sed -n 's/^+++ b\///p' "$patch" | (cd "$copy" && xargs touch)
  status=0
  turns_red "$logs/$name.log" "${red[@]}" || status=$?
  case $status in
  0) say "red    $name: ${red[*]}" ;;
  1) say "GREEN  $name: ${red[*]} did not notice. $(member "$patch" What)"; green+=("$name") ;;
  *) say "BROKEN $name: could not be judged, see $logs/$name.log"; green+=("$name") ;;
  esac
done
in_postgres "$server/postgres?sslmode=disable" -c "drop database if exists $database with (force)"
say "${#patches[@]} defences taken away, ${#green[@]} not noticed"
((${#green[@]} == 0))
