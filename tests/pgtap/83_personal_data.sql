-- The register of personal data is whole: every table and column that could be about somebody is in it, what is in it
-- exists, and what it says can be done.
begin;
\ir setup/cast.sql
\ir setup/trail.sql
select plan(12);

-- Tables that are about nobody. Whoever adds a table adds it to the register, or here with a good conscience.
create table tap.about_nobody (table_name text primary key);
insert into tap.about_nobody values
('append_only_pass'), ('billing_setting'), ('consent_policy'), ('detection_state'), ('model_alias'), ('model_price'),
('news_letter'), ('unpriced_model'),
('personal_column'), ('personal_table'), ('plan'), ('plan_limit'),
('plan_overage'), ('plan_price'), ('plan_version'), ('plan_version_pack'), ('privacy_setting'), ('processor'),
('promotion'),
('reconciliation'), ('recurring_job'), ('retention_rule'), ('retention_setting'), ('security_setting'),
('stripe_catalogue'), ('team_setting'), ('test_clock'), ('tombstone_key'), ('top_up_pack'), ('usage_month_dropped');

create view tap.columns as
select c.relname::text as table_name, a.attname::text as column_name, a.atttypid
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition;

select is_empty(
  $$select distinct c.table_name from tap.columns as c
    where not exists (select from octroi_private.personal_table as t where t.table_name = c.table_name)
      and not exists (select from tap.about_nobody as n where n.table_name = c.table_name)$$,
  'every table is in the register of personal data, or known to be about nobody'
);
select is_empty(
  $$select c.table_name, c.column_name from tap.columns as c
    where exists (select from octroi_private.personal_table as t where t.table_name = c.table_name)
      and not exists (
        select from octroi_private.personal_column as r
        where r.table_name = c.table_name and r.column_name = c.column_name
      )$$,
  'every column of a registered table is registered'
);

-- What could say who somebody is: by name, by type, or by pointing to a row that does.
create view tap.telling as
select c.table_name, c.column_name
from tap.columns as c
where c.column_name ~ '(^|_)(user|account|customer|member|owner|actor|person|subject|pseudonym|token|ip|hash)(_|$)'
  or c.column_name ~ '(^|_)(email|phone|address|contact)(_|$)'
  or c.column_name ~ '(^|_)(grant|balance|request|report|invoice|charge|session|subscription|payment_intent|object)_id$'
  or c.atttypid in ('json'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'inet'::regtype, 'uuid'::regtype)
union
select f.conrelid::regclass::text, a.attname
from pg_constraint as f
join pg_attribute as a on a.attrelid = f.conrelid and a.attnum = any(f.conkey)
join octroi_private.personal_table as t on f.confrelid = to_regclass('octroi_private.' || t.table_name)
where f.contype = 'f' and not exists (select from pg_class as p where p.oid = f.conrelid and p.relispartition);
select bag_eq(
  $$select t.table_name, t.column_name from tap.telling as t
    join tap.about_nobody as n on n.table_name = replace(t.table_name, 'octroi_private.', '')$$,
  $$select v.* from (values
      ('plan_version', 'content'), ('top_up_pack', 'content'), ('consent_policy', 'text_hash'),
      ('detection_state', 'after_account_id'), ('append_only_pass', 'transaction_id'),
      ('tombstone_key', 'key'),
      -- whether a page fills in and asks for them
      ('billing_setting', 'prefill_email'), ('billing_setting', 'billing_address')
    ) as v (table_name, column_name)
    join tap.telling as t on t.table_name = v.table_name and t.column_name = v.column_name$$,
  'tables about nobody have no column that could tell, but for texts of the operator''s and a cursor'
);

-- The test itself: a table that nobody registered is found, and so is a new column of one that is.
savepoint unregistered; -- noqa: PRS
create table octroi_private.diary (id bigint primary key, user_id uuid);
alter table octroi_private.member add column nickname text;
select set_eq(
  $$select c.table_name, c.column_name from tap.columns as c
    where not exists (
      select from octroi_private.personal_column as r
      where r.table_name = c.table_name and r.column_name = c.column_name
    ) and not exists (select from tap.about_nobody as n where n.table_name = c.table_name)$$,
  $$values ('diary', 'id'), ('diary', 'user_id'), ('member', 'nickname')$$,
  'a table or column that nobody registered is noticed'
);
rollback to unregistered;

select is_empty(
  $$select r.table_name, r.column_name from octroi_private.personal_column as r
    where not exists (
      select from tap.columns as c where c.table_name = r.table_name and c.column_name = r.column_name
    )$$,
  'the register names no table or column that does not exist'
);
select is_empty(
  $$select t.table_name, k.name from octroi_private.personal_table as t
    cross join lateral unnest(t.key_columns) as k (name)
    where not exists (
      select from octroi_private.personal_column as r
      where r.table_name = t.table_name and r.column_name = k.name
    )$$,
  'rows are gone through by registered columns'
);
select is_empty(
  $$select r.table_name, r.column_name from octroi_private.personal_column as r
    where r.column_name ~ '(^|_)(hash|token|wrapped)$' and r.class <> 'secret'
      and (r.table_name, r.column_name) not in (('audit_link', 'hash'), ('consent', 'text_hash'))
      or r.column_name ~ '(^|_)(email|phone|address)(_|$)' and r.class not in ('contact', 'sealed', 'secret')$$,
  'what opens a door is a secret, and what reaches somebody is contact data'
);
select is_empty(
  $$select c.table_name, c.column_name from octroi_private.personal_data as c
    where c.class = 'secret' and (c.export <> 'withheld' or c.mask <> 'hidden')$$,
  'no secret is handed out or shown'
);
select throws_ok(
  $$call octroi_private.register_personal_table(
    'x', 'person', 'x', 'contract', 'x', array['acme'], 'delete', null, 'none', 'true', null, array['id'],
    'id | fact | x'
  )$$, '22023', null, 'a processor that nobody named is refused'
);
select throws_ok(
  $$call octroi_private.register_personal_table(
    'x', 'person', 'x', 'contract', 'x', '{}', 'keep', null, 'none', 'true', null, array['id'], 'id | fact | x'
  )$$, '23514', null, 'nothing is kept without a reason'
);

-- Every statement that the register makes can be run.
create function tap.reads(p_table text) returns text
language plpgsql
as $$
begin
  perform r.data from octroi_private.export_rows(tap.user_id('mia'), p_table, null, 10) as r;
  return '00000';
exception
  when others then
    return sqlstate || ' ' || sqlerrm;
end
$$;
select is_empty(
  $$select t.table_name, tap.reads(t.table_name) from octroi_private.personal_table as t
    where t.reach is not null and to_regclass('octroi_private.' || t.table_name) is not null
      and tap.reads(t.table_name) <> '00000'$$,
  'the rows of every table that has any can be read'
);
select is_empty(
  $$select t.table_name from octroi_private.admin_tables() as t
    where to_regclass('octroi_private.admin_' || t.table_name) is null
      and t.table_name not in (select p.table_name from octroi_private.personal_table as p where p.about = 'machinery')$$,
  'operators have a view of every table that they may export'
);

select * from finish();
rollback;
