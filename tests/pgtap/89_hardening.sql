-- What must hold for everything in the schemas, whatever is added to them. Exceptions stand here by name, with the
-- reason for each.
begin;
\ir setup/play.sql
select plan(22);

create view tap.function as
select
  p.oid, p.oid::regprocedure as signature, p.prosecdef, p.proconfig, p.prosrc,
  p.pronamespace::regnamespace::text as home, l.lanname, r.rolname as owner, r.rolsuper, r.rolbypassrls,
  r.rolcanlogin, p.proacl, p.proowner
from pg_proc as p
join pg_roles as r on r.oid = p.proowner
join pg_language as l on l.oid = p.prolang
where p.pronamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace, 'octroi_native'::regnamespace);
create view tap.relation as
select c.oid, c.oid::regclass as name, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
  c.reloptions, c.relnamespace::regnamespace::text as home
from pg_class as c
where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace, 'octroi_native'::regnamespace);

-- Functions.
select is_empty(
  $$select f.signature from tap.function as f
    where f.prosecdef and not (f.proconfig @> array['search_path=pg_catalog, pg_temp'])
      or f.prosecdef and f.proconfig is null$$,
  'every definer function, the extension''s too, looks in pg_catalog first and among temporary objects last'
);
select is_empty(
  $$select f.signature from tap.function as f where f.prosecdef and f.home = 'octroi_native'$$,
  'the extension has no definer function: its functions act with the rights of the verb that calls them'
);
select is_empty(
  $$select f.signature, f.owner from tap.function as f
    where f.prosecdef and (f.rolsuper or f.rolbypassrls or f.rolcanlogin)$$,
  'no definer function acts for a superuser, for a role beyond RLS or for a login'
);
-- With only pg_catalog searched, an unqualified relation cannot be found; a body that sets a path of its own could.
select is_empty(
  $$select f.signature from tap.function as f where f.prosrc ~* '\mset(_config\s*\(\s*''|\s+(local\s+)?)search_path'$$,
  'no function changes where names are looked up'
);
select is_empty(
  $$select f.signature, found.name
    from tap.function as f
    cross join lateral regexp_matches(
      regexp_replace(f.prosrc, '--[^\n]*', '', 'g'),
      '\m(?:from|join|into|update)\s+(?:only\s+)?([a-z_]+)\M(?!\s*[.(])', 'gi'
    ) as found (name)
    join tap.relation as r on r.name::text = 'octroi_private.' || found.name[1] and r.relkind in ('r', 'p', 'v')
    where f.home <> 'octroi_native' and f.prosrc !~ ('\m' || found.name[1] || '\M\s+as\s+(materialized\s*)?\(')$$,
  'every table is named with its schema, unless a CTE has its name'
);
select is_empty(
  $$select f.signature from tap.function as f
    where f.lanname = 'plpgsql' and f.prosrc ~* '\mexecute\M' and f.prosrc !~* 'format\s*\(' and f.prosecdef
      -- a text without variables, or one that a function of the owner's returns and no caller has a word in
      and f.prosrc !~* '\mexecute\s+''[^'']*''\s+(into|using)'
      and f.signature::text !~ '^octroi_private\.(export_rows|admin_page|erase_user|drop_bite)\('$$,
  'no definer function runs a text that was not put together by format(), or by nobody but the owner'
);
select is_empty(
  $$select f.signature from tap.function as f
    cross join lateral aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
    where a.grantee = 0$$,
  'PUBLIC may execute nothing'
);
select is_empty(
  $$select d.defaclrole::regrole from pg_default_acl as d cross join lateral aclexplode(d.defaclacl) as a
    where d.defaclrole = 'octroi_owner'::regrole and a.grantee = 0$$,
  'nor what is made later'
);
select isnt_empty(
  $$select from pg_default_acl as d
    where d.defaclrole = 'octroi_owner'::regrole and d.defaclobjtype = 'f' and d.defaclnamespace = 0$$,
  'because the global default says so: a default of one schema would not'
);

-- Relations.
select is_empty(
  $$select r.name from tap.relation as r
    where r.relkind in ('r', 'p') and not (r.relrowsecurity and r.relforcerowsecurity)$$,
  'row level security is on and forced on every table and partition'
);
select is_empty(
  $$select r.name, r.relkind from tap.relation as r
    where r.home = 'octroi' and (r.relkind <> 'v' or not coalesce(r.reloptions @> array['security_invoker=true'],
    false))
    union all
    select r.name, r.relkind from tap.relation as r where r.relkind in ('m', 'f')
    union all
    select r.name, r.relkind from tap.relation as r where r.home = 'octroi_native'$$,
  'nothing exposed but views that run as their reader'
);
select is_empty(
  $$select r.name, a.grantee::regrole from tap.relation as r
    join pg_class as c on c.oid = r.oid
    cross join lateral aclexplode(c.relacl) as a
    where r.relispartition and a.grantee <> c.relowner$$,
  'no partition is anybody''s to name'
);
select is_empty(
  $$select r.name, t.attname, t.atttypid::regtype
    from tap.relation as r
    join pg_attribute as t on t.attrelid = r.oid and t.attnum > 0 and not t.attisdropped
    join pg_type as y on y.oid = t.atttypid
    where r.relkind in ('r', 'p', 'v') and coalesce(nullif(y.typbasetype, 0), nullif(y.typelem, 0), y.oid)
      in ('numeric'::regtype, 'float8'::regtype, 'float4'::regtype, 'money'::regtype)$$,
  'no money and no count is a fraction'
);

-- What grows and never changes refuses changes by itself, for every role, and nobody holds a right to try.
create table tap.append_only (name regclass primary key);
insert into tap.append_only
select c.oid from pg_class as c
where c.relnamespace = 'octroi_private'::regnamespace and c.relname in ('usage_event', 'audit_log', 'audit_link')
union
select i.inhrelid from pg_inherits as i where i.inhparent = 'octroi_private.usage_event'::regclass;
select is_empty(
  $$select o.name from tap.append_only as o
    where not exists (
      select from pg_trigger as t join pg_proc as p on p.oid = t.tgfoid
      -- before (2), delete (8), update (16), truncate (32), of the statement
      where t.tgrelid = o.name and p.proname = 'refuse_change' and t.tgenabled <> 'D' and t.tgtype & 59 = 58
    )$$,
  'what is append-only refuses updates and deletes'
);
select is_empty(
  $$select o.name, a.grantee::regrole, a.privilege_type from tap.append_only as o
    join pg_class as c on c.oid = o.name
    cross join lateral aclexplode(c.relacl) as a
    where a.grantee <> c.relowner and a.privilege_type <> 'SELECT'$$,
  'and nobody but the owner may do more than read it'
);
select is_empty(
  $$select r.name from tap.relation as r join tap.append_only as o on o.name = r.oid
    cross join (values ('octroi_worker'), ('octroi_meter'), ('octroi_admin'), ('octroi_support'),
    ('authenticated')) as w (who)
    where has_table_privilege(w.who, r.oid, 'insert, update, delete, truncate')$$,
  'not the worker either'
);

-- A key that says "there is one already" tells whoever chose the value that somebody else has it. So a key of a table
-- about people begins with whom the row belongs to.
create table tap.exception (name text primary key, reason text not null);
insert into tap.exception values
('api_key_key_hash_key', 'the hash of 32 random bytes that the database made'),
('quota_grant_source_key', 'a line of an invoice or a checkout at Stripe'),
('notification_setting_unsubscribe_token_key', 'a random token that the database made'),
('notification_setting_news_token_key', 'a random token that the database made'),
('mail_dedupe_key_key', 'made by SQL, and ends with the person it is for'),
('person_pseudonym_key', 'random, made by the database'),
('second_factor_pkey', 'Auth''s id of a factor, kept by trigger'),
('top_up_pkey', 'a grant, made by the database'),
('usage_event_pkey', 'the request''s id: made by the worker or the database, and settled by none but them'),
('overage_use_pkey', 'balances and requests, both made by the database'),
('quota_draw_pkey', 'grants and requests, both made by the database'),
('stored_response_pkey', 'the request''s id'),
('meter_report_one_in_flight', 'Stripe''s customer comes first'),
('alert_once', 'a balance, which is one account''s, comes first'),
('refused_access_pkey', 'counted for the operator; the caller learns nothing of it'),
('security_signal_once', 'raised for the operator; no caller inserts'),
('breach_notice_once', 'written by a job; no caller inserts'),
('billing_cycle_pkey', 'an invoice at Stripe'),
('export_ticket_pkey', 'a request''s id, made by the database'),
('export_ticket_token_hash_key', 'the hash of 32 random bytes that the database made'),
('erasure_step_once', 'a customer of Stripe''s; no caller inserts'),
('reconciliation_seen_pkey', 'a run of the operator''s');
create view tap.unique_key as
select c.relname as name, k.attname as leads, i.indisprimary and i.indnatts = 1 as is_id,
  exists(
    select from pg_attribute as o
    where o.attrelid = i.indrelid and o.attname in ('account_id', 'user_id', 'owner_user_id')
  ) as is_about_people
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_attribute as k on k.attrelid = i.indrelid and k.attnum = i.indkey[0]
join tap.relation as r on r.oid = i.indrelid and not r.relispartition
where i.indisunique;
select is_empty(
  $$select u.name, u.leads from tap.unique_key as u
    where u.is_about_people and u.leads not in ('account_id', 'user_id', 'owner_user_id')
      and not (u.is_id and u.leads = 'id')
      and not exists (select from tap.exception as e where e.name = u.name)$$,
  'every unique key begins with its owner, or holds nothing that a user chooses'
);
select is(
  tap.public_may_make_temporary(), false, 'PUBLIC makes no temporary objects in this database'
);

-- Time limits.
create view tap.role_setting as
select r.rolname, split_part(c.entry, '=', 1) as name, split_part(c.entry, '=', 2) as value
from pg_roles as r cross join lateral unnest(r.rolconfig) as c (entry);
select is_empty(
  $$select w.who, s.name
    from (values
      ('octroi_worker', 'statement_timeout'), ('octroi_worker', 'idle_in_transaction_session_timeout'),
      ('octroi_worker', 'lock_timeout'),
      ('octroi_admin', 'statement_timeout'), ('octroi_admin', 'idle_in_transaction_session_timeout'),
      ('octroi_support', 'statement_timeout'), ('octroi_support', 'idle_in_transaction_session_timeout'),
      ('octroi_operator', 'statement_timeout'), ('octroi_operator', 'idle_in_transaction_session_timeout'),
      ('octroi_meter', 'statement_timeout'), ('octroi_meter', 'idle_in_transaction_session_timeout'),
      ('anon', 'statement_timeout'), ('authenticated', 'statement_timeout'), ('authenticator', 'statement_timeout')
    ) as w (who, name)
    left join tap.role_setting as s on s.rolname = w.who and s.name = w.name
    where coalesce(s.value, '0') in ('0', '')$$,
  'every role that asks has its time limits'
);
select is(
  (select s.value from tap.role_setting as s where s.rolname = 'octroi_worker' and s.name = 'synchronous_commit'), 'on',
  'what the worker is told is committed is on disk'
);
select is(
  (select s.value from tap.role_setting as s where s.rolname = 'authenticated' and s.name = 'jit'), 'off',
  'nothing that a user asks is compiled for longer than it runs'
);
select is_empty(
  $$select r.rolname from pg_roles as r
    where r.rolname ~ '^octroi_' and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb)$$,
  'no role of ours could give itself more'
);

select * from finish();
rollback;
