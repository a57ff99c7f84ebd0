-- Functions: whose rights they run with, where they look names up, and what can be told them.
begin;
\ir setup/play.sql
select plan(9);

create view tap.function as
select
  p.oid, n.nspname, p.oid::regprocedure::text as signature, p.prosecdef, p.provolatile, p.proconfig, p.proargnames,
  p.proargtypes, p.pronargs, p.prorettype, p.proallargtypes, r.rolname as owner, r.rolsuper, p.prokind
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
join pg_roles as r on r.oid = p.proowner
where n.nspname in ('octroi', 'octroi_private', 'octroi_native');

-- pg_temp stands last by name: left out, it is searched first, and a caller's temporary type or table would stand in
-- for pg_catalog's.
select is_empty(
  $$select f.signature, f.proconfig
    from tap.function as f
    where f.nspname in ('octroi', 'octroi_private') and f.prokind <> 'a'
      and not coalesce(f.proconfig @> array['search_path=pg_catalog, pg_temp'], false)$$,
  'every function looks names up in pg_catalog first and among temporary objects last'
);
select is_empty(
  $$select f.signature, f.owner
    from tap.function as f
    where f.nspname in ('octroi', 'octroi_private') and f.owner <> 'octroi_owner'$$,
  'every function belongs to octroi_owner, which is no superuser'
);
select is_empty(
  $$select f.signature from tap.function as f where f.prosecdef and f.rolsuper$$,
  'no definer function, the extension''s included, runs as a superuser'
);
select is_empty(
  $$select f.signature from tap.function as f
    where f.nspname = 'octroi' and not f.prosecdef$$,
  'what is exposed runs as octroi_owner: its callers have no rights of their own on tables'
);
select bag_eq(
  $$select f.signature from tap.function as f
    where f.nspname = 'octroi' and (
      f.proargnames && array['p_user_id', 'p_account_id', 'user_id', 'account_id', 'owner_user_id', 'member', 'account']
      or 'uuid'::regtype = any(f.proargtypes::oid [])
    )$$,
  array[
    'octroi.restrict_api_key(uuid,text[],text[])', 'octroi.rotate_api_key(uuid,integer)',
    'octroi.revoke_api_key(uuid)', 'octroi.completion(uuid)', 'octroi.billing_request(uuid)', 'octroi.receipt(uuid)',
    'octroi.change_preview(uuid)', 'octroi.change_plan(text,text,uuid)',
    'octroi.my_requests(integer,timestamp with time zone,uuid)',
    'octroi.account_usage(date,date,text,date,text,uuid,integer)',
    'octroi.set_key_budget(uuid,text,text,bigint)', 'octroi.resend_invitation(uuid)', 'octroi.revoke_invitation(uuid)',
    'octroi.remove_member(uuid)', 'octroi.set_member_role(uuid,text)', 'octroi.transfer_team(uuid,boolean)',
    'octroi.set_member_budget(uuid,text,text,bigint)', 'octroi.team_invitations(integer,uuid)'
  ],
  'no exposed function takes whom to act as; these take a thing of the caller''s, or a member of their team'
);
select is_empty(
  $$select e.signature
    from (
      select f.signature, unnest(coalesce(f.proallargtypes, f.proargtypes::oid []) || f.prorettype) as type_oid
      from tap.function as f
    ) as e
    join pg_type as t on t.oid = e.type_oid
    where 'numeric'::regtype in (t.oid, t.typelem) or 'float8'::regtype in (t.oid, t.typelem)
      or 'float4'::regtype in (t.oid, t.typelem) or 'money'::regtype in (t.oid, t.typelem)$$,
  'no function takes or gives numeric or float: money and tokens are whole numbers'
);
select is_empty(
  $$select f.signature from tap.function as f
    where f.nspname = 'octroi' and obj_description(f.oid, 'pg_proc') is null$$,
  'every exposed function says what it does'
);
select is_empty(
  $$select c.oid::regclass from pg_class as c
    join pg_depend as d on d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e'
    join pg_extension as e on e.oid = d.refobjid
    where e.extname = 'octroi'$$,
  'the extension owns no table: pg_dump would leave it out'
);
select is_empty(
  $$select t.tgname from pg_trigger as t
    join pg_proc as p on p.oid = t.tgfoid
    where t.tgrelid = 'auth.users'::regclass and not t.tgisinternal
      and p.pronamespace = 'octroi_private'::regnamespace and not p.prosecdef$$,
  'triggers on auth.users run as octroi_owner, whoever signs somebody up'
);

select * from finish();
rollback;
