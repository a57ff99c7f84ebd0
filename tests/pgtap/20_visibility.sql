-- Who sees what. The rows of each table and view, for each of the cast: exactly their own, and of the team what
-- their role in it allows.
begin;
\ir setup/cast.sql
\ir setup/trail.sql
select plan(31);

-- Whose usage of which account a reader sees, as 'person account'.
create function tap.seen(p_relation regclass) returns setof text
language plpgsql
as $$
begin
  return query execute format(
    'select coalesce(p.name, %L) || case when r.account_id = %L then %L else %L end
    from %s as r left join tap.person as p on p.user_id = r.user_id',
    'somebody', '01a00000-0000-7000-8000-0000000000ff', ' team', ' personal', p_relation
  );
end
$$;

create table tap.sees (name text, relation regclass, what text []);
insert into tap.sees
select v.name, r.relation, v.what
from (values
  ('olga', array['olga personal', 'olga team', 'ada team', 'mia team']),
  ('ada', array['ada personal', 'olga team', 'ada team', 'mia team']),
  ('mia', array['mia personal', 'mia team']),
  ('sten', array['sten personal'])
) as v (name, what)
cross join (values
  ('octroi.usage'::regclass), ('octroi.usage_daily'), ('octroi.api_keys'), ('octroi_private.usage_event'),
  ('octroi_private.usage_daily')
) as r (relation);
grant select on tap.sees to public;

create function tap.check_sight(p_name text) returns setof text
language plpgsql
as $$
declare
  v_sees record;
begin
  for v_sees in select s.relation, s.what from tap.sees as s where s.name = p_name loop
    return next bag_eq(
      format('select * from tap.seen(%L)', v_sees.relation), v_sees.what,
      format('%s sees of %s what is theirs to see', p_name, v_sees.relation)
    );
  end loop;
end
$$;

select tap.play(:olga) \g /dev/null
select tap.check_sight('olga');
select tap.play(:ada) \g /dev/null
select tap.check_sight('ada');
select tap.play(:mia) \g /dev/null
select tap.check_sight('mia');
select tap.play(:sten) \g /dev/null
select tap.check_sight('sten');

-- Somebody whose token is valid and who has left.
select tap.play(:missing) \g /dev/null
select is_empty('select * from octroi.usage', 'a token of nobody sees no usage');
select is_empty('select * from octroi.api_keys', 'a token of nobody sees no key');
select is(
  tap.outcome_of('select * from octroi.quota'), 'OC020', 'a token of nobody has no quota, and is told to sign in'
);

-- A member removed from the team sees it no more, at once.
select tap.clear() \g /dev/null
delete from octroi_private.member where account_id = :team and user_id = :mia;
select tap.play(:mia) \g /dev/null
select bag_eq(
  $$select * from tap.seen('octroi.usage')$$, array['mia personal'], 'a former member sees nothing of the team'
);

-- Roles without a user.
select tap.play_role('octroi_admin') \g /dev/null
select is(
  (select count(*) from octroi_private.admin_usage_event join tap.person using (user_id)), 7::bigint,
  'octroi_admin exports everyone''s usage'
);
select is(tap.outcome_of('select * from octroi_private.request'), '42501', 'and nothing that is not written down');

select tap.clear() \g /dev/null
create function tap.readable(p_role text) returns setof text
language plpgsql
as $$
declare
  v_relation regclass;
begin
  for v_relation in
    select c.oid::regclass from pg_class as c
    where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace) and c.relkind in ('r', 'p', 'v')
  loop
    perform tap.play_role(p_role);
    if tap.outcome_of(format('select from %s', v_relation)) <> '42501' then
      return next v_relation::text;
    end if;
    perform tap.clear();
  end loop;
end
$$;

select is_empty(
  format('select * from tap.readable(%L)', role_name), role_name || ' reads no table, no partition and no view'
)
from tap.role_name
where role_name not in ('anon', 'authenticated', 'octroi_admin', 'octroi_support');
select set_eq(
  $$select r from tap.readable('anon') as r$$, array['octroi.plans', 'octroi.top_up_packs'],
  'anon reads what is on sale, no table, no partition and no other view'
);

select * from finish();
rollback;
