-- The golden list of rights. It names everything that anybody but the owner may do; an object or a right that is
-- added without being added here fails.
begin;
\ir setup/play.sql
select plan(8);

create function tap.grantee(p_oid oid) returns text
language sql
begin atomic
select case when p_oid = 0 then 'PUBLIC' else pg_get_userbyid(p_oid) end;
end;

prepare functions_granted as
select tap.grantee(a.grantee)::text collate "C", p.oid::regprocedure::text collate "C"
from pg_proc as p
cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
where p.pronamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace, 'octroi_native'::regnamespace)
  and a.grantee <> p.proowner;

prepare functions_golden as values
('authenticated', 'octroi.check_quota(text,bigint)'),
('authenticated', 'octroi.completion(uuid)'),
('authenticated', 'octroi.count_tokens(text,text)'),
('authenticated', 'octroi.create_api_key(text,jsonb)'),
('authenticated', 'octroi.my_quota()'),
('authenticated', 'octroi.my_requests(integer,timestamp with time zone)'),
('authenticated', 'octroi.my_usage(date,date)'),
('authenticated', 'octroi.request_completion(jsonb)'),
('authenticated', 'octroi.revoke_api_key(uuid)'),
('authenticated', 'octroi_private.my_accounts()'),
('authenticated', 'octroi_private.my_administered_accounts()'),
('octroi_meter', 'octroi_private.authenticate_key(bytea)'),
('octroi_meter', 'octroi_private.authenticate_user(uuid,uuid)'),
('octroi_meter', 'octroi_private.record_usage(uuid,uuid,text,bigint,bigint,bigint,uuid,uuid,text)'),
('octroi_meter', 'octroi_private.release(uuid,text)'),
(
  'octroi_meter',
  'octroi_private.reserve(uuid,uuid,uuid,uuid,text,bigint,bigint,integer,text,bytea,text,integer)'
),
('octroi_meter', 'octroi_private.settle(uuid,bigint,bigint,bigint,bigint,bigint,bigint,bigint,text,text)'),
('octroi_meter', 'octroi_private.uuid_v7()'),
('octroi_owner', 'octroi_native.count_tokens(text,text)'),
('octroi_owner', 'octroi_native.release_many(uuid[],text[])'),
(
  'octroi_owner',
  'octroi_native.reserve_many(uuid[],uuid[],uuid[],uuid[],text[],text[],bigint[],bigint[],integer[],text[],'
  || 'bytea[],integer)'
),
(
  'octroi_owner',
  'octroi_native.settle_many(uuid[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],text[],text[],'
  || 'text[],jsonb[],integer[],integer[],text[],smallint[],text[],bytea[])'
),
('octroi_owner', 'octroi_native.verify_stripe_signature(bytea,text,text[],timestamp with time zone,integer)'),
('octroi_worker', 'octroi_private.authenticate_key(bytea)'),
('octroi_worker', 'octroi_private.authenticate_user(uuid,uuid)'),
('octroi_worker', 'octroi_private.claim_jobs(text,text[],integer,integer)'),
('octroi_worker', 'octroi_private.extend_jobs(bigint[],integer[],integer)'),
('octroi_worker', 'octroi_private.fail_completion(uuid,smallint,jsonb)'),
('octroi_worker', 'octroi_private.finish_job(bigint,integer,text,text,integer)'),
('octroi_worker', 'octroi_private.load_completion(uuid)'),
('octroi_worker', 'octroi_private.model_limits(text)'),
('octroi_worker', 'octroi_private.model_list(uuid)'),
('octroi_worker', 'octroi_private.release_jobs(bigint[],integer[])'),
('octroi_worker', 'octroi_private.release_many(uuid[],text[])'),
(
  'octroi_worker',
  'octroi_private.reserve_many(uuid[],uuid[],uuid[],uuid[],text[],text[],bigint[],bigint[],integer[],text[],'
  || 'bytea[],integer)'
),
(
  'octroi_worker',
  'octroi_private.settle_many(uuid[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],text[],text[],'
  || 'text[],jsonb[],integer[],integer[],text[],smallint[],text[],bytea[])'
),
('octroi_worker', 'octroi_private.stored_response(uuid)'),
('octroi_worker', 'octroi_private.sweep(integer)'),
('octroi_worker', 'octroi_private.worker_ready()');

select bag_eq('functions_granted', 'functions_golden', 'these functions may be called, by these roles, and no others');

prepare relations_granted as
select tap.grantee(a.grantee), c.oid::regclass::text, a.privilege_type
from pg_class as c
cross join lateral aclexplode(
  coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", -- noqa: RF06
    c.relowner))
) as a
where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace, 'octroi_native'::regnamespace)
  and a.grantee <> c.relowner;

select bag_eq(
  'relations_granted',
  $$values
    ('authenticated', 'octroi.api_keys', 'SELECT'),
    ('authenticated', 'octroi.quota', 'SELECT'),
    ('authenticated', 'octroi.usage', 'SELECT'),
    ('authenticated', 'octroi.usage_daily', 'SELECT'),
    ('authenticated', 'octroi_private.usage_daily', 'SELECT'),
    ('authenticated', 'octroi_private.usage_event', 'SELECT'),
    ('octroi_admin', 'octroi.usage', 'SELECT'),
    ('octroi_admin', 'octroi.usage_daily', 'SELECT'),
    ('octroi_admin', 'octroi_private.usage_daily', 'SELECT'),
    ('octroi_admin', 'octroi_private.usage_event', 'SELECT')$$,
  'these tables, views and sequences may be touched, and by nobody else'
);

select bag_eq(
  $$select c.oid::regclass::text, t.attname::text, tap.grantee(a.grantee), a.privilege_type
    from pg_class as c
    join pg_attribute as t on t.attrelid = c.oid
    cross join lateral aclexplode(t.attacl) as a
    where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace)$$,
  $$select 'octroi_private.api_key' as relation, column_name, 'authenticated' as grantee, 'SELECT' as privilege
    from unnest(array[
      'id', 'account_id', 'user_id', 'name', 'key_prefix', 'allowed_models', 'created_at', 'expires_at', 'revoked_at'
    ]) as column_name$$,
  'of a key everything may be read but its hash'
);

select bag_eq(
  $$select tap.grantee(a.grantee), n.nspname::text, a.privilege_type
    from pg_namespace as n
    cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
    where n.nspname in ('octroi', 'octroi_private', 'octroi_native') and a.grantee <> n.nspowner$$,
  $$values
    ('anon', 'octroi', 'USAGE'), ('authenticated', 'octroi', 'USAGE'), ('service_role', 'octroi', 'USAGE'),
    ('authenticated', 'octroi_private', 'USAGE'), ('octroi_worker', 'octroi_private', 'USAGE'),
    ('octroi_meter', 'octroi_private', 'USAGE'), ('octroi_owner', 'octroi_native', 'USAGE'),
    ('octroi_admin', 'octroi', 'USAGE'), ('octroi_admin', 'octroi_private', 'USAGE')$$,
  'these schemas may be entered; nobody but the owner creates in them'
);

select is_empty(
  $$select tap.grantee(a.grantee), d.defaclobjtype, a.privilege_type
    from pg_default_acl as d
    cross join lateral aclexplode(d.defaclacl) as a
    left join pg_namespace as n on n.oid = d.defaclnamespace
    where a.grantee <> d.defaclrole
      and (d.defaclrole = 'octroi_owner'::regrole or n.nspname in ('octroi', 'octroi_private', 'octroi_native'))$$,
  'what is made later starts without rights for anybody'
);

-- The global default is what a function made later starts with.
set local role octroi_owner;
create function octroi.made_later() returns integer
language sql
return 1;
select tap.clear() \g /dev/null
select function_privs_are(
  'octroi', 'made_later', '{}'::text [], role_name, '{}'::text [],
  role_name || ' may not call a function that nobody granted'
) from tap.role_name where role_name = 'anon';

select is_empty(
  $$select r.rolname
    from pg_roles as r
    where r.rolname ~ '^octroi_'
      and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolinherit
        or r.rolcanlogin <> (r.rolname = 'octroi_worker'))$$,
  'no role of Octroi is more than its grants, and only the worker logs in'
);

select is_empty(
  $$select pg_get_userbyid(m.member), pg_get_userbyid(m.roleid)
    from pg_auth_members as m
    join pg_roles as who on who.oid = m.member
    where not who.rolsuper
      and (pg_get_userbyid(m.roleid) in ('octroi_owner', 'octroi_worker') or who.rolname ~ '^octroi_')$$,
  'nobody can become the owner or the worker, and neither can become anybody else'
);

select * from finish();
rollback;
