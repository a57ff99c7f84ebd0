-- Nobody writes but through the verbs, and what is recorded stays as it was recorded.
begin;
\ir setup/cast.sql
select plan(23);

-- Each statement that changes rows, on each relation, as one role; those that are not refused come back.
create function tap.writable(p_role text) returns setof text
language plpgsql
as $$
declare
  v_relation regclass;
  v_statement text;
begin
  for v_relation in
    select c.oid::regclass from pg_class as c
    where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace) and c.relkind in ('r', 'p', 'v')
  loop
    foreach v_statement in array array[
      'insert into %s default values', 'delete from %s', 'truncate %s', 'lock table %s in share mode',
      'update %s set %I = null'
    ] loop
      v_statement := format(v_statement, v_relation, (
        select a.attname from pg_attribute as a
        where a.attrelid = v_relation and a.attnum > 0 and a.attidentity = '' and a.attgenerated = ''
        limit 1
      ));
      if p_role = 'authenticated' then
        perform tap.play('01a00000-0000-7000-8000-00000000000a');
      else
        perform tap.play_role(p_role);
      end if;
      -- 55000 and 42809: a view that nobody can write to, and truncate of a view
      if tap.outcome_of(v_statement) not in ('42501', '55000', '42809') then
        return next v_statement;
      end if;
      perform tap.clear();
    end loop;
  end loop;
end
$$;
select is_empty(
  format('select * from tap.writable(%L)', role_name),
  role_name || ' inserts, updates, deletes, truncates and locks nothing'
)
from tap.role_name;

-- Append-only, for those too whom no grant stops, and whatever name a partition is called by.
select octroi_private.make_usage_partition('2091-05-01') \g /dev/null
set constraints all immediate;
create table tap.append_only as
select c.oid::regclass as relation
from pg_class as c
where c.oid in (
    'octroi_private.usage_event'::regclass, 'octroi_private.audit_log'::regclass,
    'octroi_private.audit_link'::regclass, 'octroi_private.consent_policy'::regclass
  )
  or c.oid in (select i.inhrelid from pg_inherits as i where i.inhparent = 'octroi_private.usage_event'::regclass);

create function tap.changeable(p_role text) returns setof text
language plpgsql
as $$
declare
  v_statement text;
  v_outcome text;
begin
  for v_statement in
    select format(s.statement, a.relation, (
      select t.attname from pg_attribute as t where t.attrelid = a.relation and t.attnum = 1
    ))
    from tap.append_only as a
    cross join unnest(array[
      'update %1$s set %2$I = default', 'delete from %1$s', 'truncate %1$s cascade'
    ]) as s (statement)
  loop
    perform tap.play_role(p_role);
    v_outcome := tap.outcome_of(v_statement);
    perform tap.clear();
    if v_outcome not in ('42501', 'OC003') then
      return next v_statement || ': ' || v_outcome;
    end if;
  end loop;
end
$$;
select is_empty(
  format('select * from tap.changeable(%L)', role_name), role_name || ' changes nothing that is append-only'
)
from (
  select role_name from tap.role_name
  union all
  values ('octroi_owner'), ('none')
) as everyone;
select is(
  (select count(*) from octroi_private.usage_event join tap.person using (user_id)), 7::bigint,
  'the calls are still there'
);

select ok(
  not exists (
    select from octroi_private.audit_log as l
    where l.detail ? 'key_hash' or l.detail ? 'name' or l.detail::text like '%@%'
  ), 'the audit log holds no hash, no name and no address'
);
select is(
  (
    select count(*) from octroi_private.audit_log as l
    where l.action = 'api_key.insert' and l.account_id = :team
  ), 3::bigint, 'the audit log knows each key that was made'
);

-- The ledger is sound after all this.
select is_empty('select * from octroi_private.integrity', 'every invariant holds');
select tap.play_role('octroi_owner') \g /dev/null
select is_empty('select * from octroi_private.integrity', 'seen by its owner too');

select * from finish();
rollback;
