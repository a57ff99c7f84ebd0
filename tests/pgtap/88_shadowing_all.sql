-- The story of 23_shadowing.sql for every function there is, and every one that is added: a caller who has put an
-- object of their own beside each real one calls them all, with nothing, with ids that are theirs, and with texts, and
-- has every trigger fire.
begin;
\ir setup/cast.sql
select plan(8);

create sequence tap.traps_sprung;
grant usage on sequence tap.traps_sprung to public;
-- For the occasion everybody may call everything: a function is not safe because nobody may call it.
grant execute on all functions in schema octroi, octroi_private to authenticated;
grant select on all tables in schema octroi_private to authenticated;

-- Counts when it runs in the owner's name.
create function tap.spring() returns pg_catalog.bool
language plpgsql
as $$
begin
  if current_user = 'octroi_owner' then
    perform pg_catalog.nextval('tap.traps_sprung');
  end if;
  return true;
end
$$;

-- A view for each relation, with its columns; a domain for each type that a body could name.
create function tap.set_traps() returns pg_catalog.int8
language plpgsql
as $$
declare
  v_name pg_catalog.name;
  v_set pg_catalog.int8 := 0;
begin
  for v_name in
    select c.relname from pg_catalog.pg_class as c
    where c.relnamespace = 'octroi_private'::pg_catalog.regnamespace and c.relkind in ('r', 'p', 'v')
  loop
    execute pg_catalog.format(
      'create temporary view %I as select t.* from (select tap.spring() as sprung offset 0) as s '
      'cross join pg_catalog.json_populate_record(null::octroi_private.%I, ''{}'') as t where s.sprung', v_name, v_name
    );
    execute pg_catalog.format('grant select on pg_temp.%I to public', v_name);
    v_set := v_set + 1;
  end loop;
  for v_name in
    select t.typname from pg_catalog.pg_type as t
    where t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace and t.typtype = 'b' and t.typelem = 0
      and t.typname !~ '^(_|pg_)' and t.typname not in ('cstring')
    union all
    select t.typname from pg_catalog.pg_type as t
    where t.typnamespace = 'octroi_private'::pg_catalog.regnamespace and t.typtype = 'd'
  loop
    execute pg_catalog.format(
      'create domain pg_temp.%I as pg_catalog.%I check (tap.spring())', v_name, case
        when exists (
          select from pg_catalog.pg_type as t
          where t.typname = v_name and t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
        ) then v_name else 'text' end
    );
    v_set := v_set + 1;
  end loop;
  return v_set;
end
$$;

-- Calls a function with one value for each of its arguments, chosen by type; whatever it did is undone.
create function tap.call(p_function pg_catalog.oid, p_way pg_catalog.text, p_id pg_catalog.uuid)
returns pg_catalog.text
language plpgsql
as $$
declare
  v_arguments pg_catalog.text;
begin
  select pg_catalog.string_agg(case
    when p_way = 'null' then pg_catalog.format('null::%s', t.name)
    when t.name in ('uuid', 'uuid[]', 'text', 'text[]') and p_way = 'id' then pg_catalog.format(
      case when t.name like '%[]' then '''{%s}''::%s' else '''%s''::%s' end, p_id, t.name
    )
    when t.name = 'jsonb' then '''{"model": "gpt-5.6-luna", "input": "x"}''::pg_catalog.jsonb'
    when t.name like 'timestamp%' then 'pg_catalog.now()'
    when t.name = 'bytea' then '''\x00''::pg_catalog.bytea'
    when t.name ~ '^(bigint|integer|smallint|boolean|octroi_private.quantity)$' then '1::' || t.name
    when t.name ~ '^(bigint|integer|smallint|boolean)\[\]$' then '''{1}''::' || t.name
    when t.name = 'text' then '''x''::pg_catalog.text'
    else pg_catalog.format('null::%s', t.name)
  end, ', ' order by t.position) into v_arguments
  from (
    select a.position, case
      when y.typnamespace = 'pg_catalog'::pg_catalog.regnamespace then pg_catalog.format_type(y.oid, null)
      else y.typnamespace::pg_catalog.regnamespace || '.' || y.typname
    end as name
    from pg_catalog.pg_proc as p
    cross join lateral pg_catalog.unnest(p.proargtypes::pg_catalog.oid []) with ordinality as a (type_oid, position)
    join pg_catalog.pg_type as y on y.oid = a.type_oid
    where p.oid = p_function
  ) as t;
  execute pg_catalog.format(
    'select * from %s(%s)', p_function::pg_catalog.regproc, coalesce(v_arguments, '')
  );
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when others then
    return sqlstate || ' ' || sqlerrm;
end
$$;

create table tap.called (signature pg_catalog.text, way pg_catalog.text, outcome pg_catalog.text);
grant insert on tap.called to public;
create function tap.call_all(p_id pg_catalog.uuid) returns pg_catalog.int8
language plpgsql
as $$
declare
  v_function record;
begin
  for v_function in
    select p.oid, p.oid::pg_catalog.regprocedure::pg_catalog.text as signature, w.way
    from pg_catalog.pg_proc as p
    cross join (values ('null'), ('id'), ('text')) as w (way)
    where p.pronamespace in ('octroi'::pg_catalog.regnamespace, 'octroi_private'::pg_catalog.regnamespace)
      and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype and p.prosecdef and p.prokind = 'f'
  loop
    insert into tap.called
    values (v_function.signature, v_function.way, tap.call(v_function.oid, v_function.way, p_id));
  end loop;
  return (select pg_catalog.count(*) from pg_catalog.pg_proc);
end
$$;
-- Triggers: each row is deleted, changed in nothing, and put in again, by the owner as whom the verbs do it.
create function tap.attempt(p_statements pg_catalog.text []) returns pg_catalog.text
language plpgsql
as $$
declare
  v_statement pg_catalog.text;
begin
  foreach v_statement in array p_statements loop
    execute v_statement;
  end loop;
  set constraints all immediate;
  raise exception 'undo' using errcode = 'ZZ000';
exception
  when others then
    return sqlstate || ' ' || sqlerrm;
end
$$;
create function tap.fire_all() returns void
language plpgsql
as $$
declare
  v_table pg_catalog.text;
  v_same pg_catalog.text;
begin
  for v_table, v_same in
    select c.oid::pg_catalog.regclass, pg_catalog.string_agg(pg_catalog.format('%1$I = %1$I', a.attname), ', ')
    from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'octroi_private'::pg_catalog.regnamespace and c.relkind in ('r', 'p')
      and a.attgenerated = '' and a.attidentity = '' and exists (
        select from pg_catalog.pg_trigger as t where t.tgrelid = c.oid and not t.tgisinternal
      )
    group by c.oid
  loop
    perform tap.attempt(array[pg_catalog.format('update %s set %s', v_table, v_same)]);
    perform tap.attempt(array[pg_catalog.format('delete from %s', v_table)]);
    perform tap.attempt(array[pg_catalog.format('insert into %1$s select * from %1$s', v_table)]);
  end loop;
end
$$;
-- Those that fire only for certain changes.
create function tap.fire_some() returns setof pg_catalog.text
language plpgsql
as $$
begin
  return next tap.attempt(array[
    'update octroi_private.balance set granted = granted + 1', 'update octroi_private.balance set used = used'
  ]);
  return next tap.attempt(array['update octroi_private.stripe_subscription set status = ''past_due''']);
  return next tap.attempt(array['insert into octroi_private.job (kind, args) values (''prune'', ''{}'')']);
  return next tap.attempt(array[
    'update octroi_private.job set state = ''dead'', finished_at = pg_catalog.now() where state = ''queued'''
  ]);
  return next tap.attempt(array[
    'update octroi_private.mail set kind = ''breach''', 'delete from octroi_private.mail'
  ]);
  return next tap.attempt(array['update octroi_private.stripe_customer set account_id = account_id']);
  return next tap.attempt(array['delete from octroi_private.consent']);
end
$$;
-- Those of Auth's tables, whose functions run as the owner by themselves.
create function tap.fire_at_auth(p_user_id pg_catalog.uuid) returns setof pg_catalog.text
language plpgsql
as $$
begin
  return next tap.attempt(array[
    'insert into auth.users (id, email) values (pg_catalog.gen_random_uuid(), ''new@example.test'')',
    pg_catalog.format('update auth.users set email = ''s@new.test'', phone = null where id = %L', p_user_id)
  ]);
  return next tap.attempt(array[
    pg_catalog.format('update auth.users set banned_until = ''infinity'' where id = %L', p_user_id)
  ]);
  return next tap.attempt(array[pg_catalog.format(
    'insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
    values (pg_catalog.gen_random_uuid(), %L, ''totp'', ''verified'', pg_catalog.now(), pg_catalog.now())', p_user_id
  )]);
  return next tap.attempt(array[
    pg_catalog.format('update auth.users set deleted_at = pg_catalog.now() where id = %L', p_user_id)
  ]);
  return next tap.attempt(array[pg_catalog.format('delete from auth.users where id = %L', p_user_id)]);
end
$$;
grant execute on all functions in schema tap to public;

-- One that looks among temporary objects first, to see that the traps work.
create function octroi_private.careless() returns bigint
language plpgsql
security definer
set search_path = ''
as $$ begin return (select count(*) from plan); end $$; -- noqa: RF02
alter function octroi_private.careless() owner to octroi_owner;

select tap.personal('sten') as sten_account \gset
-- Something for triggers that look at what a row says: a subscription, a mail, a consent, jobs.
select octroi_private.link_stripe_customer(:'sten_account', 'cus_sten') \g /dev/null
select octroi_private.store_subscription(
  '{"id": "sub_sten", "customer": "cus_sten", "status": "active", "created": 1}'
) \g /dev/null
select octroi_private.enqueue_mail(:'sten_account', :sten, 'threshold', '1', '{}', now() + interval '1 day')
\g /dev/null
insert into octroi_private.job (kind, args)
select k.kind, '{}'
from unnest(array['complete_request', 'run_billing_request', 'push_contact', 'send_mail']) as k (kind);
select tap.play(:sten) \g /dev/null
select octroi.give_consent('news', '1') \g /dev/null
select tap.set_traps() > 50 as traps_are_set \gset
select ok(:'traps_are_set'::pg_catalog.bool, 'there is a trap beside every relation and every type');
select octroi_private.careless() \g /dev/null
select tap.clear() \g /dev/null
select is(
  (select s.is_called from tap.traps_sprung as s), true, 'a function that looks among temporary objects first is caught'
);
drop function octroi_private.careless();
select setval('tap.traps_sprung', 1, false) \g /dev/null
-- What the deferred triggers of the cast still have to do is done before, in nobody's traps.
set constraints all immediate;
set constraints all deferred;

select tap.play(:sten) \g /dev/null
select tap.call_all(:'sten_account') \g /dev/null
select tap.call_all(:sten) \g /dev/null
select tap.clear() \g /dev/null
select is(
  (select s.is_called from tap.traps_sprung as s), false, 'no function took a caller''s object for the real thing'
);

-- Whatever fires is counted.
set local track_functions = 'pl';
set local role octroi_owner;
select tap.fire_all() \g /dev/null
create temporary table done as select f as outcome from tap.fire_some() as f;
reset role;
insert into done select f from tap.fire_at_auth(:sten) as f;
select is_empty(
  $$select d.outcome from pg_temp.done as d
    where d.outcome <> 'ZZ000 undo' and d.outcome <> 'OC003 consents leave with the person only'$$,
  'what is to fire triggers goes through to its end'
);
select is_empty(
  $$select p.oid::pg_catalog.regprocedure from pg_catalog.pg_proc as p
    where p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype
      and p.pronamespace in ('octroi'::pg_catalog.regnamespace, 'octroi_private'::pg_catalog.regnamespace)
      and not exists (select from pg_catalog.pg_stat_xact_user_functions as f where f.funcid = p.oid)$$,
  'every trigger function was fired'
);
select is(
  (select s.is_called from tap.traps_sprung as s), false, 'nor did one take a caller''s object for the real thing'
);
select is_empty(
  $$select c.signature, c.way, c.outcome from tap.called as c where c.outcome ~ '^(XX|58|F0)'$$,
  'no function broke over what it was given'
);
select ok(
  (select pg_catalog.count(distinct c.signature) from tap.called as c where c.outcome !~ '^(42501|42883|42P01)') > 100,
  'they were really called'
);

select * from finish();
rollback;
