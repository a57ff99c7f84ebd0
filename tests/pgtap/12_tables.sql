-- Tables, partitions and views: row level security everywhere, whole numbers, and nothing exposed by accident.
begin;
\ir setup/play.sql
select plan(13);

create view tap.unprotected as
select c.oid::regclass::text as relation
from pg_class as c
where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace) and c.relkind in ('r', 'p')
  and not (c.relrowsecurity and c.relforcerowsecurity);

select is_empty('select relation from tap.unprotected', 'row level security is on and forced on every table');

-- A month far ahead, so that no sweep has made it.
select is(octroi_private.make_usage_partition('2091-05-01'), true, 'a new partition is made');
select is(octroi_private.make_usage_partition('2091-05-01'), false, 'and made once');
select is_empty('select relation from tap.unprotected', 'a partition made later is protected as well');
select is_empty(
  $$select c.oid::regclass
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
    where i.inhparent = 'octroi_private.usage_event'::regclass and a.grantee <> c.relowner$$,
  'nobody but the owner may name a partition directly, where the parent''s policies do not reach'
);
select is(
  octroi_private.make_usage_partitions(2), 0,
  'the migrations made last month''s, this month''s and the partitions ahead'
);

select bag_eq(
  $$select c.oid::regclass::text, p.polname::text, p.polcmd::text, r.rolname::text
    from pg_policy as p
    join pg_class as c on c.oid = p.polrelid
    cross join lateral unnest(p.polroles) as who (role_oid)
    left join pg_roles as r on r.oid = who.role_oid
    where c.relnamespace = 'octroi_private'::regnamespace and p.polname <> 'owner_all'$$,
  $$values
    ('octroi_private.account', 'member_reads', 'r', 'authenticated'),
    ('octroi_private.member', 'member_reads', 'r', 'authenticated'),
    ('octroi_private.alert', 'member_reads', 'r', 'authenticated'),
    ('octroi_private.budget', 'member_reads', 'r', 'authenticated'),
    ('octroi_private.api_key', 'holder_reads', 'r', 'authenticated'),
    ('octroi_private.api_key_previous', 'holder_reads', 'r', 'authenticated'),
    ('octroi_private.api_key_use', 'holder_reads', 'r', 'authenticated'),
    ('octroi_private.account', 'admin_reads', 'r', 'octroi_admin'),
    ('octroi_private.usage_event', 'admin_reads', 'r', 'octroi_admin'),
    ('octroi_private.usage_daily', 'admin_reads', 'r', 'octroi_admin'),
    ('octroi_private.billing_request', 'payer_reads', 'r', 'authenticated'),
    ('octroi_private.usage_event', 'member_reads', 'r', 'authenticated'),
    ('octroi_private.usage_daily', 'member_reads', 'r', 'authenticated')$$,
  'policies let these roles read these tables, and no policy lets anybody write'
);
select is_empty(
  $$select p.polname, p.polrelid::regclass from pg_policy as p
    join pg_class as c on c.oid = p.polrelid
    where c.relnamespace = 'octroi_private'::regnamespace and p.polname = 'owner_all'
      and p.polroles <> array['octroi_owner'::regrole::oid]$$,
  'the policy without a condition is the owner''s alone'
);

select is_empty(
  $$select c.oid::regclass
    from pg_class as c
    where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace) and c.relkind = 'v'
      and not coalesce(c.reloptions @> array['security_invoker=true'], false)
      -- operators read these, and are written down
      and pg_get_viewdef(c.oid) !~ 'octroi_private\.log_admin_read\('$$,
  'every view runs with its reader''s rights'
);
select bag_eq(
  $$select c.relname::text, c.relkind::text from pg_class as c where c.relnamespace = 'octroi'::regnamespace$$,
  $$select name, 'v' from unnest(array[
    'alerts', 'api_keys', 'billing_requests', 'budgets', 'invoices', 'plans', 'quota', 'top_up_packs', 'top_ups',
    'usage', 'usage_daily'
  ]) as name$$,
  'the exposed schema holds eleven views, and no table'
);
select is_empty(
  $$select c.oid::regclass, a.attname, t.typname
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type as t on t.oid = a.atttypid
    where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace) and c.relkind in ('r', 'p', 'v')
      and coalesce(nullif(t.typbasetype, 0), nullif(t.typelem, 0), t.oid)
      in ('numeric'::regtype, 'float8'::regtype, 'float4'::regtype, 'money'::regtype)$$,
  'no column is numeric or float: NaN would pass every CHECK'
);
select is_empty(
  $$select c.oid::regclass, a.attname, a.atttypid::regtype
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p')
      and c.oid <> 'octroi_private.model_price'::regclass
      and a.attname ~ '(_tokens|_nano_usd|^(amount|overage|included|allowed|granted|carried|used|reserved|drawn))$'
      and a.atttypid <> 'octroi_private.quantity'::regtype$$,
  'every counter and amount is a quantity: never negative, never near the end of bigint'
);
select is_empty(
  $$select c.oid::regclass from pg_class as c
    where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace)
      and (c.relkind in ('m', 'f') or c.relpersistence <> 'p' or c.relowner <> 'octroi_owner'::regrole)
      and c.relkind <> 'i'$$,
  'no materialised view, no foreign table, nothing unlogged, all of it octroi_owner''s'
);

select * from finish();
rollback;
