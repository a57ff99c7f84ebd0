-- The golden list of rights on tables, columns and schemas, and of what roles are. It names everything that anybody but
-- the owner may read and write; a right that is added without being added here fails.
begin;
\ir setup/play.sql
select plan(7);

create function tap.grantee(p_oid oid) returns text
language sql
begin atomic
select case when p_oid = 0 then 'PUBLIC' else pg_get_userbyid(p_oid) end;
end;

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
    ('anon', 'octroi.plans', 'SELECT'), ('anon', 'octroi.top_up_packs', 'SELECT'),
    ('authenticated', 'octroi.alerts', 'SELECT'),
    ('authenticated', 'octroi.api_keys', 'SELECT'),
    ('authenticated', 'octroi.billing_requests', 'SELECT'),
    ('authenticated', 'octroi.budgets', 'SELECT'),
    ('authenticated', 'octroi.invoices', 'SELECT'),
    ('authenticated', 'octroi.plans', 'SELECT'),
    ('authenticated', 'octroi.quota', 'SELECT'),
    ('authenticated', 'octroi.top_up_packs', 'SELECT'),
    ('authenticated', 'octroi.top_ups', 'SELECT'),
    ('authenticated', 'octroi.usage', 'SELECT'),
    ('authenticated', 'octroi.usage_daily', 'SELECT'),
    ('authenticated', 'octroi_private.api_key_use', 'SELECT'),
    ('authenticated', 'octroi_private.usage_daily', 'SELECT'),
    ('authenticated', 'octroi_private.usage_event', 'SELECT'),
    ('octroi_admin', 'octroi.usage', 'SELECT'),
    ('octroi_admin', 'octroi.usage_daily', 'SELECT'),
    ('octroi_admin', 'octroi_private.customers', 'SELECT'),
    ('octroi_admin', 'octroi_private.support_contact', 'SELECT'),
    ('octroi_support', 'octroi_private.support_contact', 'SELECT'),
    ('octroi_admin', 'octroi_private.usage_daily', 'SELECT'),
    ('octroi_admin', 'octroi_private.usage_event', 'SELECT'),
    -- the admin views: one for each registered table, which write down who reads them
    ('octroi_admin', 'octroi_private.admin_usage_event', 'SELECT')
    union all
    select 'octroi_admin', 'octroi_private.admin_' || t.table_name, 'SELECT' from octroi_private.admin_tables() as t
    where t.table_name <> 'usage_event' and to_regclass('octroi_private.admin_' || t.table_name) is not null$$,
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
      'id', 'account_id', 'user_id', 'name', 'key_prefix', 'allowed_models', 'allowed_endpoints', 'created_at',
      'expires_at', 'revoked_at'
    ]) as column_name
    union all
    select 'octroi_private.budget', column_name, 'authenticated', 'SELECT'
    from unnest(array[
      'account_id', 'scope', 'subject', 'meter', 'period', 'amount', 'created_at'
    ]) as column_name
    union all
    select 'octroi_private.api_key_previous', column_name, 'authenticated', 'SELECT'
    from unnest(array['api_key_id', 'expires_at']) as column_name
    union all
    select 'octroi_private.billing_request', column_name, 'authenticated', 'SELECT'
    from unnest(array[
      'id', 'account_id', 'kind', 'state', 'error', 'message', 'created_at', 'finished_at'
    ]) as column_name
    union all
    select 'octroi_private.alert', column_name, 'authenticated', 'SELECT'
    from unnest(array[
      'id', 'account_id', 'scope', 'subject', 'meter', 'threshold', 'used', 'granted', 'period_start', 'resets_at',
      'raised_at', 'cleared_at'
    ]) as column_name$$,
  'of a key everything may be read but its hash, of a billing request what it is about'
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
    ('octroi_admin', 'octroi', 'USAGE'), ('octroi_admin', 'octroi_private', 'USAGE'),
    ('octroi_support', 'octroi_private', 'USAGE'), ('octroi_operator', 'octroi_private', 'USAGE')$$,
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
