-- What every test file starts with, inside its own transaction: pgTAP, and the means to act as somebody.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off
set local client_min_messages = warning;

create schema tap;
create extension if not exists pgtap with schema tap;
grant usage on schema tap to public;

-- pgTAP compares by temporary tables, also while somebody is played. What it was before is kept for the test of it.
create function tap.may_make_temporary() returns boolean
language sql
stable
begin atomic
select exists(
  select from pg_database as d
  cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
  where d.datname = current_database() and a.grantee = 0 and a.privilege_type = 'TEMPORARY'
);
end;
select tap.may_make_temporary() as may_make_temporary \gset
create function tap.public_may_make_temporary() returns boolean
language sql
immutable
return :'may_make_temporary'::boolean;
do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$;
-- extensions and public: where pgTAP is when somebody installed it before
set local search_path = tap, extensions, public;

-- From here on everything is done as a signed-in user, as the Data API does it.
create function tap.play(p_user_id uuid) returns void
language sql
begin atomic
select set_config('role', 'authenticated', true);
select set_config(
  'request.jwt.claims', json_build_object('sub', p_user_id, 'role', 'authenticated')::text, true
);
select set_config('octroi.account', '', true);
end;

-- The same, for an account that they name.
create function tap.play_for(p_user_id uuid, p_account_id text) returns void
language sql
begin atomic
select tap.play(p_user_id);
select set_config('octroi.account', p_account_id, true);
end;

-- From here on everything is done as a role without claims.
create function tap.play_role(p_role text) returns void
language sql
begin atomic
select set_config('role', p_role, true);
select set_config('request.jwt.claims', '', true);
end;

-- Back to the superuser who runs the tests.
create function tap.clear() returns void
language sql
begin atomic
select set_config('role', 'none', true);
select set_config('request.jwt.claims', '', true);
select set_config('octroi.account', '', true);
end;

-- SQLSTATE of a statement, '00000' when it succeeds, with its constraint where it violates one.
-- Whatever it did is undone.
create function tap.outcome_of(p_statement text) returns text
language plpgsql
as $$
declare
  v_constraint text;
begin
  execute p_statement;
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when sqlstate 'ZZ000' then
    return '00000';
  when check_violation or unique_violation or exclusion_violation then
    get stacked diagnostics v_constraint = constraint_name;
    return sqlstate || ' ' || v_constraint;
  when others then
    return sqlstate;
end
$$;

-- Everyone a statement can come from, beside signed-in users.
create table tap.role_name (role_name text primary key);
insert into tap.role_name values
('anon'), ('authenticated'), ('service_role'), ('octroi_worker'), ('octroi_meter'), ('octroi_admin'),
('octroi_support'), ('octroi_operator');
grant select on tap.role_name to public;

-- The plans that come with Octroi leave out what is dear; which models they allow is no matter of most stories.
update octroi_private.plan_version set allowed_models = null;
