-- Octroi: metering, limits and billing of OpenAI usage, inside the database.
--
-- A call lives in four tables. `entitlement` is what one caller may spend on one model: which balances
-- bound it and which price applies, resolved once and dropped by trigger whenever a rule behind it changes.
-- `reserve` locks those balances, decides, writes a `request` row and adds the hold to `balance.reserved`;
-- nothing goes to OpenAI before that commits. `settle` closes the request, turns the hold into
-- `balance.used`, and writes one `usage_event` and its `usage_daily` rollup. `release` and `expire_due`
-- return the hold unspent. What must happen outside the database is a `job` row of the same transaction.
--
--   plan ─ plan_version ─ plan_limit ┐
--   subscription ─ account ──────────┼─► entitlement ─► balance ◄─ hold ─ request ─► usage_event, usage_daily
--   budget, quota_grant, model_price ┘                                          └─► job ─► worker
--
-- `octroi` is exposed through the Data API and holds views and RPCs only. `octroi_private` holds tables and
-- verbs and is never exposed. `octroi_native` holds the extension's functions, and no table, because tables
-- that belong to an extension are missing from pg_dump.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'octroi_owner', 'octroi_worker', 'octroi_meter', 'octroi_admin', 'octroi_support', 'octroi_operator'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I nologin noinherit', v_role);
    end if;
  end loop;
end
$$;

-- The worker logs in as itself; its password is the operator's to set. noinherit and no membership: it has what
-- it is granted by name, which is EXECUTE on its verbs.
alter role octroi_worker login;

-- The runner of migrations must be able to act as the owner; a superuser already is.
do $$
begin
  if not pg_catalog.pg_has_role(current_user, 'octroi_owner', 'member') then
    execute format('grant octroi_owner to %I', current_user);
  end if;
end
$$;

create schema if not exists extensions;
create schema octroi authorization octroi_owner;
create schema octroi_private authorization octroi_owner;

create extension if not exists btree_gist with schema extensions;
-- Creates the schema octroi_native. Into one that is there already Postgres would install without a word, and whoever
-- owns it could put functions beside ours.
do $$
begin
  if pg_catalog.to_regnamespace('octroi_native') is not null then
    raise exception 'somebody has made the schema octroi_native already' using errcode = '42P06',
      hint = 'Look at what is in it and who owns it, then drop it.';
  end if;
end
$$;
create extension octroi;

grant usage on schema auth, extensions, octroi_native to octroi_owner;

-- Only this global form takes EXECUTE from PUBLIC; with IN SCHEMA it has no effect.
alter default privileges for role octroi_owner revoke execute on functions from public;

-- A money role must never acknowledge a commit that a crash can take back.
alter role octroi_worker set synchronous_commit = 'on';
alter role octroi_worker set statement_timeout = '30s';
alter role octroi_worker set idle_in_transaction_session_timeout = '30s';
